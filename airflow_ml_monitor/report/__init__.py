"""Stored rows → a page and figures; computes nothing.

Here: which stored rows answer which question, how they are laid out, and the pictures of them. Not here: formulas
(metrics), limits and conclusions (policy), user data. What the page calls broken, moved or waiting is what the stored
rows and the stored decision say.
Decisions: one self-contained file, so that a mail or an archive holds all of it; the same store gives the same bytes;
every picture has its numbers as a table beside it; strings that came from data are escaped.
Matplotlib is an extra, imported where a picture is drawn.
A change breaks this when a page needs the network, the time of day or a row of user data.
"""
