"""Spark: cells are made on its executors, where the rows are."""
