"""The metrics database: what was measured, judged and done, and when each became known.

Here: tables, migrations, views, and `repository.MetricsStore`, the one door to them. Not here: user data (profile),
formulas (metrics), limits (policy), Airflow's own database.
Written under the lock of a head row, never read-then-insert; a revision is never overwritten; a value is finite, or
NULL with a status; every key column is NOT NULL; times are UTC with microseconds.
Loads nothing: import `MetricsStore` from `airflow_ml_monitor.store.repository` where a task runs, not where it is
parsed.
A change breaks this when two runs of one window can leave two sets of rows, or when what was known on a day can no
longer be asked.
"""
