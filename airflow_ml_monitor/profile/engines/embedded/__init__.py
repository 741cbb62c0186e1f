"""DuckDB on the worker: files wherever they lie, tables of lakes, and tables in memory."""
