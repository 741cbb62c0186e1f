"""Airflow notifiers: a decision told to people, by whatever carrier they read.

Here: which decision, whether it is news, once. Not here: what it says (report), how it travels (the carrier).
"""
