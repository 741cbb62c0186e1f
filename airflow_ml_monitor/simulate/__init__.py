"""Worlds with known faults and label delays: what a monitor should say about them is known beforehand.

Here: what arrives, when its label becomes known, which fault begins on which day. Not here: models and scores (the
demo's), anything that measures. Decisions: a day depends on (seed, day) alone, so days can be drawn in any order and
in any process; faults change the arriving data or the relation, never the random numbers, so that a world with a
fault equals the world without it up to the fault's first day.
A change breaks this when the same seed and day could give other rows, or when the truth depends on the model in use.
"""
