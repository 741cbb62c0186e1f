"""How good the model is on rows whose label is known: realised performance, from the ledger alone."""
