"""What would fail, one group of checks a file: each a function of a Case that gives findings."""
