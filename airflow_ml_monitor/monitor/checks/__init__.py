"""Whether what a spec says makes sense together. Light, but for one check: read when a DAG is parsed."""
