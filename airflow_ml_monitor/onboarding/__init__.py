"""From a file to a first monitor: what a stranger has, guessed, said with how sure it is, and checked.

Here: facts of a table about which nothing is declared yet; guesses from facts; a spec, contract and DAG from guesses;
what would fail, found before Airflow is involved. Not here: reading rows (profile), measuring, storing, judging.
Decided: contents decide over names; what is ambiguous is marked `# TODO(you)`, never silently taken; a spec that was
written by hand is checked the same way as one that was drafted.
A change breaks this when a draft that its user did not edit passes as if it had been read.
"""
