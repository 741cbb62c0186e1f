"""Layout, ledger, contract → statements over user data, written once for every engine; query.py says how."""
