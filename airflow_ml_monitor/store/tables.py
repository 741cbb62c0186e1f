"""The tables. `views.py` joins them for readers; `migrations/` brings them into a database.

Texts that name a series stand in `series` alone; a value costs integers and floats. A value is found by (series,
window, revision); `window_start` is in that key so that PostgreSQL can be partitioned by month without a rewrite.
A row that is contended for is found by the digest of its texts: one short ASCII key, the same on every database.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from airflow_ml_monitor.store.columns import Digest, Id, Json, LongText, Moment, Payload

VERSION_TABLE = "ml_monitor_alembic_version"
REVISION = "0005"
"""The newest migration: what this release reads and writes."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *parts: Any, **options: Any) -> Table:
    # utf8mb4_bin: 'US' and 'us' are two slices, also on MariaDB.
    return Table(
        name,
        metadata,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        **options,
    )


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _of(parent: str, *, key: bool = False) -> Column[int]:
    return Column(f"{parent}_id", Id, ForeignKey(f"{parent}.id"), nullable=False, primary_key=key)


def _required(name: str, type_: Any) -> Column[Any]:
    return Column(name, type_, nullable=False)


def _touched() -> Column[int]:
    """Raised by every writer before it reads: the row is the lock."""
    return Column("touched", BigInteger, nullable=False, default=0)


monitor = _table(
    "monitor",
    _id(),
    _required("namespace", String(200)),
    _required("name", String(200)),
    _touched(),
    UniqueConstraint("namespace", "name"),
)

spec_version = _table(
    "spec_version",
    _of("monitor", key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _required("digest", Digest()),
    _required("document", Json()),
    _required("valid_from", Moment()),
    _required("seen_at", Moment()),
)

reference = _table(
    "reference",
    _id(),
    _of("monitor"),
    _required("dataset", String(200)),
    _required("digest", Digest()),
    _required("layout", Json()),
    _required("profile", Payload),
    Column("labels", Payload),
    _required("frozen_at", Moment()),
    _required("fingerprint", Text()),
    _required("valid_from", Moment()),
    UniqueConstraint("monitor_id", "dataset", "digest"),
)

contract = _table(
    "contract",
    _of("monitor", key=True),
    Column("digest", Digest(), primary_key=True),
    _required("document", Json()),
    _required("seen_at", Moment()),
)

series = _table(
    "series",
    Column("id", Integer, primary_key=True, autoincrement=True),
    _of("monitor"),
    _required("digest", Digest()),
    _required("family", String(20)),
    _required("stage", Text()),
    _required("dataset", Text()),
    _required("rule", Text()),
    _required("model_version", Text()),
    _required("slice", LongText),
    _required("column_name", Text()),
    _required("metric", String(200)),
    _required("parameters", Text()),
    UniqueConstraint("digest"),
    Index(None, "monitor_id", "metric"),
)

scan = _table(
    "scan",
    _id(),
    _of("monitor"),
    _required("digest", Digest()),
    _required("dataset", String(200)),
    _required("rule", Text()),
    _required("window_start", Moment()),
    _required("window_end", Moment()),
    _required("layout_digest", Digest()),
    _required("input_digest", Digest()),
    _required("saved_at", Moment()),
    _touched(),
    UniqueConstraint("digest"),
    Index(None, "monitor_id", "dataset", "window_start"),
)

profile = _table("profile", _of("scan", key=True), _required("payload", Payload))

# From `known_at` on a window held what this scan read: it may come again (A, B, A), and knowledge out of order.
sighting = _table("sighting", _id(), _of("scan"), _required("known_at", Moment()), Index(None, "scan_id"))

label_head = _table(
    "label_head",
    _id(),
    _of("monitor"),
    _required("source", String(200)),
    Column("version", Integer, nullable=False, default=0),
    Column("known_at", Moment()),
    Column("watermark", Text, nullable=False, default=""),
    _touched(),
    UniqueConstraint("monitor_id", "source"),
)

label_entry = _table(
    "label_entry",
    _of("label_head", key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    _required("day_start", Moment()),
    _required("day_end", Moment()),
    _required("known_at", Moment()),
    _required("source_digest", Digest()),
    _required("payload", Payload),
    Index(None, "label_head_id", "day_start"),
)

head = _table(
    "head",
    _id(),
    _of("monitor"),
    _required("digest", Digest()),
    _required("family", String(20)),
    _required("stage", Text()),
    _required("dataset", Text()),
    _required("rule", Text()),
    _required("window_start", Moment()),
    _required("window_end", Moment()),
    _required("model_version", Text()),
    _required("reference", Digest()),
    Column("revisions", Integer, nullable=False, default=0),
    # The current revision. No foreign key: revision points here, and two tables cannot each be made first.
    Column("revision_id", BigInteger),
    _touched(),
    UniqueConstraint("digest"),
    Index(None, "monitor_id", "family", "window_start"),
    Index(None, "revision_id"),
)

revision = _table(
    "revision",
    _id(),
    _of("head"),
    _required("number", Integer),
    _required("known_at", Moment()),
    _required("recorded_at", Moment()),
    _required("input_digest", Digest()),
    Column("coverage", Double),
    _required("is_final", Boolean),
    _required("run", Text()),
    _required("code_version", Text()),
    _required("spec", Digest()),
    # The contract that answered, if one did.
    Column("contract", Digest()),
    UniqueConstraint("head_id", "number"),
)

# No foreign keys: two look-ups a value, for a table that one function writes. Widest columns first: no padding.
measurement = _table(
    "measurement",
    _required("window_start", Moment()),
    Column("value", Double),
    Column("low", Double),
    Column("high", Double),
    Column("p_value", Double),
    Column("noise", Double),
    Column("n", BigInteger),
    _required("revision_id", BigInteger),
    _required("series_id", Integer),
    _required("status", String(20)),
    _required("reason", Text()),
    # The key's order is the index's: one series, oldest window first.
    PrimaryKeyConstraint("series_id", "window_start", "revision_id"),
    CheckConstraint("value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308", name="finite"),
    CheckConstraint("status <> 'ok' OR value IS NOT NULL", name="answered"),
    sqlite_with_rowid=False,
)

decision = _table(
    "decision",
    Column("id", String(200), primary_key=True),
    _of("monitor"),
    _required("number", Integer),
    _required("known_at", Moment()),
    _required("policy_digest", Digest()),
    _required("input_digest", Digest()),
    _required("action", String(20)),
    _required("because", LongText),
    _required("evidence", Json()),
    _required("incident", String(200)),
    _required("acts", Boolean),
    _required("state", Json()),
    _required("incidents", Json()),
    _required("run", Text()),
    _required("recorded_at", Moment()),
    UniqueConstraint("monitor_id", "known_at", "policy_digest", "input_digest"),
    UniqueConstraint("monitor_id", "number"),
)

incident = _table(
    "incident",
    _of("monitor", key=True),
    Column("incident", String(200), primary_key=True),
    _required("action", String(20)),
    _required("model_version", Text()),
    _required("first_start", Moment()),
    _required("first_end", Moment()),
    _required("last_start", Moment()),
    _required("last_end", Moment()),
    _required("status", String(20)),
    _required("opened_at", Moment()),
)

incident_event = _table(
    "incident_event",
    Column("decision_id", String(200), ForeignKey("decision.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _required("incident", String(200)),
    _required("event", String(20)),
    _required("text", LongText),
)

action_taken = _table(
    "action_taken",
    _of("monitor", key=True),
    Column("incident", String(200), primary_key=True),
    Column("action", String(20), primary_key=True),
    _required("decision_id", String(200)),
    _required("asked_at", Moment()),
    _required("state", String(20)),
    Column("run_id", String(250), nullable=False, default=""),
    Column("claimed_at", Moment()),
    Column("note", LongText, nullable=False, default=""),
    _touched(),
    Index(None, "decision_id"),
)

message = _table(
    "message",
    Column("decision_id", String(200), ForeignKey("decision.id"), primary_key=True),
    Column("carrier", String(200), primary_key=True),
    _required("claimed_by", Text()),
    _required("claimed_at", Moment()),
    Column("sent_at", Moment()),
    _touched(),
)

feedback = _table(
    "feedback",
    _id(),
    _of("monitor"),
    _required("incident", String(200)),
    _required("verdict", String(20)),
    _required("note", LongText),
    _required("author", Text()),
    _required("given_at", Moment()),
    Index(None, "monitor_id", "incident"),
)
