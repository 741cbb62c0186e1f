"""One picture a file: a pure function of plain data and a Matplotlib Axes, shared by the page and by `plot`."""
