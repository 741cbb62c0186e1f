"""Data contracts: what a suite is, how one is inferred from a reference, how one is run, what comes out of it.

Belongs here: suites (suite.py), where they come from (written.py, origin.py), what is inferred of a reference
(infer*.py) and what chance allows (chance.py), versions and their difference, what the profile answers (cells.py:
numbers.py, categories.py; whole_window.py), what Great Expectations does on a frame (gx.py, engine.py) and in a
database (in_database.py, transaction.py; both: told.py), all together (contract.py), outcomes as rows (outcome.py),
which rows break a rule, where that is asked for (failed.py), and what is asked of single rows before they are scored
(row_rules.py, row_model.py, split_rows.py).
Not here: where the frame comes from (profile/engines), what follows from a broken rule (policy), drift (metrics).

Decisions:
- A suite is plain JSON in Great Expectations' own form. What is wrong in it is raised before data is read: unknown
  types (which Great Expectations drops in silence), an empty suite (which it passes), unknown keys, duplicates.
- What the profile answers is not read again: exactly as Great Expectations would, or not at all. A change breaks this
  when a type is answered by cells without agreeing with the real engine in tests/expectations/test_cells.py.
- `batch.validate`, not checkpoints: nothing is stored, and quantile rules do not crash.
- Rules on a table are asked in its database, of all rows; those that Great Expectations cannot ask there, of the first
  rows in a frame. A change breaks this when a row leaves the database for the former, when two of their statements see
  different moments, or when an outcome does not say which way it was answered.
- Four outcomes: pass, fail, error (the rule could not be evaluated) and nothing (no value to check). A change breaks
  this when an unevaluated rule, or one without a value, comes out as a pass or as a fail.
- No value of the data leaves the room but those that a spec asks for by name (failed.py): only counts do; reasons are
  built from the rule, never from an error's text.
- An inferred bound depends on how many rows it was seen in. A change breaks this when a fresh window of 500 rows of the
  same world breaks a rule more often than once in 30,000, or when a value of fewer than 20 rows enters a suite.
- A row is held back by what Great Expectations would say of it alone; what cannot be asked of the rows that came holds
  back all of them. A change breaks this when good and quarantine together are not the batch.
- Great Expectations costs seconds and 130 MB to import: only gx.py imports it, and only when a suite is run or checked.
"""
