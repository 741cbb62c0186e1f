"""Operators and sensors put together: a monitor's tasks, a ready DAG, the trigger of a retraining.

Here: which task follows which. Not here: what a task does.
"""
