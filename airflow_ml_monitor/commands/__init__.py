"""The command line, a file a command, found by discovery: `python -m airflow_ml_monitor <file's name>`.

Each file has `HELP`, `add(parser)`, which declares its arguments, and `run(options)`, which gives the exit code; only
`arguments` is no command: it holds what several take. Here: arguments, and what is printed. Not here: the work itself.
Heavy imports stay in `run`.
"""
