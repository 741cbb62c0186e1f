"""A table of a database, as a source. Light: imported when a DAG is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from airflow_ml_monitor.errors import SpecError

_CONNECTION = re.compile(r"[A-Za-z0-9_.\-]{1,200}")
_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view, read where it lies: its rows are counted there, and only counts and sums leave the database.

    It is PostgreSQL's, MariaDB's (a schema is a database of the server there), or in a file of SQLite, where a column
    holds whatever it was given: times are texts as ISO 8601 writes them, and a stray text makes a column one of texts.
    MariaDB does not make the ledger of a ranking; how letters are ordered there, or in SQLite, does not matter: 'a',
    'A' and 'a ' are three.
    Or it is of a warehouse: Snowflake, BigQuery, Redshift, Trino or Databricks SQL. Their statements are generated and
    checked against the dialect, and were not run on a server of theirs: `check` and the log say so. Their connection
    has an SQLAlchemy URL as its host (`snowflake://user@account/database/schema?warehouse=…`), names are as the
    warehouse keeps them (in Snowflake mostly capitals), and the vendor's own SQLAlchemy package is installed beside.
    connection: the id of an Airflow connection, never a URL; outside Airflow that of the variable AIRFLOW_CONN_<ID>.
    table: its name, or schema and name with a dot between them, as the database writes them: "Orders" and orders are
    two tables. A part that holds a dot itself stands in double quotes: 'sales."2026.q1"'.
    """

    connection: str
    table: str

    def __post_init__(self) -> None:
        if not isinstance(self.connection, str) or not _CONNECTION.fullmatch(self.connection):
            # Not quoted: whoever writes a URL here writes its password too.
            raise SpecError(
                "is no id of an Airflow connection; name one, and keep address and password there",
                field="source.connection",
            )
        if not isinstance(self.table, str) or len(_parts(self.table)) not in (1, 2):
            raise SpecError(f"{self.table!r} is no name of a table; write table, or schema.table", field="source.table")

    @property
    def schema(self) -> str | None:
        """None: where the database looks for it by itself."""
        parts = _parts(self.table)
        return parts[0] if len(parts) == 2 else None

    @property
    def name(self) -> str:
        return _parts(self.table)[-1]

    def __str__(self) -> str:
        return f"{self.table} of connection {self.connection!r}"


def _parts(text: str) -> tuple[str, ...]:
    """The parts of a name; none where it is none.

    >>> _parts('scores.predictions'), _parts('"a.b".Odd Name'), _parts('a..b')
    (('scores', 'predictions'), ('a.b', 'Odd Name'), ())
    """
    found: list[str] = []
    at = 0
    while match := _PART.match(text, at):
        found.append(match[1].replace('""', '"') if match[1] else match[2])
        at = match.end()
        if at == len(text):
            return tuple(found) if all(part.strip() for part in found) else ()
        if text[at] != ".":
            return ()
        at += 1
    return ()
