"""Data contracts: what a suite is, how one is inferred from a reference, how one is run, what comes out of it.

Belongs here: suites (suite.py, infer.py), Great Expectations (gx.py, engine.py), outcomes as rows (outcome.py).
Not here: where the frame comes from (profile/engines), what follows from a broken rule (policy), drift (metrics).

Decisions:
- A suite is plain JSON in Great Expectations' own form. What is wrong in it is raised before data is read: unknown
  types (which Great Expectations drops in silence), an empty suite (which it passes), unknown keys, duplicates.
- `batch.validate`, not checkpoints: nothing is stored, and quantile rules do not crash.
- Four outcomes: pass, fail, error (the rule could not be evaluated) and nothing (no value to check). A change breaks
  this when an unevaluated rule, or one without a value, comes out as a pass or as a fail.
- No value of the data leaves the room: only counts do; reasons are built from the rule, never from an error's text.
- Great Expectations costs seconds and 130 MB to import: only gx.py imports it, and only when a suite is run or checked.
"""
