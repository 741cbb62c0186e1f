"""Airflow operators: each resolves the run's window, makes one call into `monitor`, returns ids and counts.

Here: constructors that store, and that call. Not here: formulas, SQL, loops over windows.
A change breaks this when a constructor needs data, a connection or a heavy import.
"""
