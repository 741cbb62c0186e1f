"""Named faults: what broke in a feed, said by name. One fault a file, found by discovery.

A fault is a metric of the reference, the window and the windows before. Its value is the share of the window's rows
that the fault touches, with a 95 % interval; 0 where none is found. What is found is a fault of data whatever the
policy's rules say, so a name is given only where chance, and an ordinary drift, do not look like that: each file says
what it asks for. A fault of a column names the column; what more is known of it stands in the row's parameters.

Decisions:
- Silence is the default: a wrong name costs more than a missed one, which drift and contract still show.
- One change has one name: a renamed column is not also missing and added, a damaged text no new category.
- Missing predictions are seen in their labels, by the day on which these became known; no window is held for them.
- A note (measurement.NOTES) is looked for, stored and shown as a fault is, and no window is broken by it.
- Values are said only if at least 20 rows have them, columns and forms of texts always.
- A name explains: the change must be what the fault would have made of the reference (or of the day before), not
  merely large.
"""
