"""One monitor: what it is (spec), and its steps (of a run): freeze, profile, measure, judge. The only orchestration.

Here: the order of calls into profile, metrics, store and policy. Not here: Airflow, SQL, formulas.
A change breaks this when a step can be run from Airflow but not from a plain Python prompt.
"""
