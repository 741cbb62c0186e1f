"""The first tables.

Frozen: a migration says what a database became then, not what `tables.py` says now.
"""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)

from airflow_ml_monitor.store.columns import Digest, Id, Json, LongText, Moment, Payload

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "monitor",
    "spec_version",
    "reference",
    "series",
    "scan",
    "profile",
    "label_head",
    "label_entry",
    "head",
    "revision",
    "measurement",
    "decision",
    "incident",
    "incident_event",
    "action_taken",
    "feedback",
)


def _table(name: str, *parts: Any, **options: Any) -> None:
    op.create_table(
        name, *parts, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", **options
    )


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _of(parent: str, *, key: bool = False) -> Column[int]:
    return Column(f"{parent}_id", Id, ForeignKey(f"{parent}.id"), nullable=False, primary_key=key)


def _required(name: str, type_: Any) -> Column[Any]:
    return Column(name, type_, nullable=False)


def _touched() -> Column[int]:
    return Column("touched", BigInteger, nullable=False)


def upgrade() -> None:
    _table(
        "monitor",
        _id(),
        _required("namespace", String(200)),
        _required("name", String(200)),
        _touched(),
        UniqueConstraint("namespace", "name"),
    )
    _table(
        "spec_version",
        _of("monitor", key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        _required("digest", Digest()),
        _required("document", Json()),
        _required("valid_from", Moment()),
        _required("seen_at", Moment()),
    )
    _table(
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
    _table(
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
    _table(
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
    _table("profile", _of("scan", key=True), _required("payload", Payload))
    _table(
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
    _table(
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
    _table(
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
        Column("revision_id", BigInteger),
        _touched(),
        UniqueConstraint("digest"),
        Index(None, "monitor_id", "family", "window_start"),
        Index(None, "revision_id"),
    )
    _table(
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
        UniqueConstraint("head_id", "number"),
    )
    _table(
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
        PrimaryKeyConstraint("series_id", "window_start", "revision_id"),
        CheckConstraint("value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308", name="finite"),
        CheckConstraint("status <> 'ok' OR value IS NOT NULL", name="answered"),
        sqlite_with_rowid=False,
    )
    _table(
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
    _table(
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
    _table(
        "incident_event",
        Column("decision_id", String(200), ForeignKey("decision.id"), primary_key=True),
        Column("position", Integer, primary_key=True, autoincrement=False),
        _required("incident", String(200)),
        _required("event", String(20)),
        _required("text", LongText),
    )
    _table(
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
    _table(
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


def downgrade() -> None:
    for name in reversed(TABLES):
        op.drop_table(name)
