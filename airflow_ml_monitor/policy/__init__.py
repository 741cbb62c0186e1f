"""Measurements, in the order in which they became known, folded into one decision. Pure: no I/O, no clock.

Here: limits, alarms, incidents, decisions. Not here: formulas (metrics), tables (store), doing anything (operators).
A change breaks this when the same measurements at the same `known_at` could give another decision.
"""
