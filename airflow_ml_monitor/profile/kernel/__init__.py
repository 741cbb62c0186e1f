"""Rows that stream by → cells and what rows tell together, in numpy."""
