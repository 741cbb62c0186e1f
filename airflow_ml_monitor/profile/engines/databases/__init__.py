"""Databases and warehouses: statements run where the tables lie, and no row leaves."""
