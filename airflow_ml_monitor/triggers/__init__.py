"""Airflow triggers: waits that the triggerer holds, for deferred sensors and for watched assets.

Here: what is asked, how often, and how it is carried as text. Not here: the answer (monitor); what follows from it (the
sensor, the DAG). A trigger's arguments are stored by Airflow: they name a connection and never hold what is in it.
"""
