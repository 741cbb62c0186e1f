"""Where Airflow's side meets ours: connections become a store, a run becomes a window, facts become lineage.

A change breaks this room when an operator must ask Airflow itself for a date or a password.
"""
