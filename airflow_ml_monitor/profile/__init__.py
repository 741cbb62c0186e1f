"""User data → cells. The only room that reads user data.

Here: what the user's tables are, which buckets they are cut into, the statements, the engines that run them, the bytes
they become. Not here: formulas (metrics), limits (policy), the metrics database (store).
Cells add: a change breaks this when the profile of A ∪ B is no longer the sum of the profiles of A and B, or when
current data moves a bucket.
"""
