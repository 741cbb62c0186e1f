"""How a dataset is opened, fingerprinted and scanned where it lies.

Here: what every engine does with a scan, whatever it scans with (`*_scan.py`), and which engine a source has
(chosen.py); in `embedded/`, `databases/` and `spark/` how each of them reads. Not here: what is asked (queries).
"""
