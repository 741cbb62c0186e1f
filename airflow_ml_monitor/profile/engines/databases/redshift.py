"""How Redshift is connected to: by PostgreSQL's driver."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2


class RedshiftDialect(PGDialect_psycopg2):
    """PostgreSQL's dialect, but for a setting that Redshift does not know and would be asked for on connecting."""

    supports_statement_cache = False

    def __init__(self, **more: Any) -> None:
        super().__init__(use_native_hstore=False, **more)  # type: ignore[no-untyped-call]

    def _set_backslash_escapes(self, connection: Any) -> None:
        self._backslash_escapes = True
