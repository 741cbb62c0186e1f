"""One file per engine: how a dataset is opened, fingerprinted and scanned where it lies."""
