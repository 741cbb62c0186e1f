"""Runs of the whole on worlds that are not production: DAGs for real in one process, without scheduler or workers.

May use every room below; nothing but the demo and the command line may use it. A change breaks this room when a
DAG ends here in another state than under a scheduler.
"""
