"""What happens to a model after a decision: compared, recorded, promoted, taken back.

Here: champion against challenger, the manifest of a retraining, the registry. Not here: training (the user's), the
decision itself (policy), starting a run (operators). Decisions: a saved version never changes; the champion is one
small file that is replaced whole, so a crash leaves the old champion or the new one; promoting an older version is
the roll-back.
A change breaks this when a model can serve without its manifest, or when promoting twice is not promoting once.
"""
