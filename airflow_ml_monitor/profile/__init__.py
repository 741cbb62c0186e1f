"""User data → cells. The only room that reads user data.

Here: what the user's tables are, which buckets they are cut into, cells and entries, the bytes they become, and what
metrics see of them; in `queries/` the statements, in `kernel/` the arithmetic over rows that stream by, in `engines/`
who runs both where the data is. Not here: formulas (metrics), limits (policy), the metrics database (store).
Cells add: a change breaks this when the profile of A ∪ B is no longer the sum of the profiles of A and B, or when
current data moves a bucket.
"""
