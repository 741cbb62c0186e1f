"""Cells → estimates: one pure function a file, found by discovery.

Here: formulas over a profile's or a ledger's cells. Not here: limits (policy), maturity (truth), SQL (profile).
A new metric is one file with one decorated function and one test; a change breaks this when a second file must know.
"""
