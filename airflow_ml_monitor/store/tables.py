"""The tables. `views.py` joins them for readers; `migrations/` brings them into a database.

Texts that name a series stand in `series` alone; a value costs integers and floats. A value is found by (series,
window, revision); `window_start` is in that key so that PostgreSQL can be partitioned by month without a rewrite.
A row that is contended for is found by the digest of its texts: one short ASCII key, the same on every database.
"""

from __future__ import annotations

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

from airflow_ml_monitor.store.columns import Digest, Json, LongText, Moment, Payload
from airflow_ml_monitor.store.table_parts import id_of, own_id, required, table_of, touched
from airflow_ml_monitor.store.table_parts import metadata as metadata

VERSION_TABLE = "ml_monitor_alembic_version"
REVISION = "0005"
"""The newest migration: what this release reads and writes."""

monitor = table_of(
    "monitor",
    own_id(),
    required("namespace", String(200)),
    required("name", String(200)),
    touched(),
    UniqueConstraint("namespace", "name"),
)

spec_version = table_of(
    "spec_version",
    id_of("monitor", key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    required("digest", Digest()),
    required("document", Json()),
    required("valid_from", Moment()),
    required("seen_at", Moment()),
)

reference = table_of(
    "reference",
    own_id(),
    id_of("monitor"),
    required("dataset", String(200)),
    required("digest", Digest()),
    required("layout", Json()),
    required("profile", Payload),
    Column("labels", Payload),
    required("frozen_at", Moment()),
    required("fingerprint", Text()),
    required("valid_from", Moment()),
    UniqueConstraint("monitor_id", "dataset", "digest"),
)

contract = table_of(
    "contract",
    id_of("monitor", key=True),
    Column("digest", Digest(), primary_key=True),
    required("document", Json()),
    required("seen_at", Moment()),
)

series = table_of(
    "series",
    Column("id", Integer, primary_key=True, autoincrement=True),
    id_of("monitor"),
    required("digest", Digest()),
    required("family", String(20)),
    required("stage", Text()),
    required("dataset", Text()),
    required("rule", Text()),
    required("model_version", Text()),
    required("slice", LongText),
    required("column_name", Text()),
    required("metric", String(200)),
    required("parameters", Text()),
    UniqueConstraint("digest"),
    Index(None, "monitor_id", "metric"),
)

scan = table_of(
    "scan",
    own_id(),
    id_of("monitor"),
    required("digest", Digest()),
    required("dataset", String(200)),
    required("rule", Text()),
    required("window_start", Moment()),
    required("window_end", Moment()),
    required("layout_digest", Digest()),
    required("input_digest", Digest()),
    required("saved_at", Moment()),
    touched(),
    UniqueConstraint("digest"),
    Index(None, "monitor_id", "dataset", "window_start"),
)

profile = table_of("profile", id_of("scan", key=True), required("payload", Payload))

# From `known_at` on a window held what this scan read: it may come again (A, B, A), and knowledge out of order.
sighting = table_of("sighting", own_id(), id_of("scan"), required("known_at", Moment()), Index(None, "scan_id"))

label_head = table_of(
    "label_head",
    own_id(),
    id_of("monitor"),
    required("source", String(200)),
    Column("version", Integer, nullable=False, default=0),
    Column("known_at", Moment()),
    Column("watermark", Text, nullable=False, default=""),
    touched(),
    UniqueConstraint("monitor_id", "source"),
)

label_entry = table_of(
    "label_entry",
    id_of("label_head", key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    required("day_start", Moment()),
    required("day_end", Moment()),
    required("known_at", Moment()),
    required("source_digest", Digest()),
    required("payload", Payload),
    Index(None, "label_head_id", "day_start"),
)

head = table_of(
    "head",
    own_id(),
    id_of("monitor"),
    required("digest", Digest()),
    required("family", String(20)),
    required("stage", Text()),
    required("dataset", Text()),
    required("rule", Text()),
    required("window_start", Moment()),
    required("window_end", Moment()),
    required("model_version", Text()),
    required("reference", Digest()),
    Column("revisions", Integer, nullable=False, default=0),
    # The current revision. No foreign key: revision points here, and two tables cannot each be made first.
    Column("revision_id", BigInteger),
    touched(),
    UniqueConstraint("digest"),
    Index(None, "monitor_id", "family", "window_start"),
    Index(None, "revision_id"),
)

revision = table_of(
    "revision",
    own_id(),
    id_of("head"),
    required("number", Integer),
    required("known_at", Moment()),
    required("recorded_at", Moment()),
    required("input_digest", Digest()),
    Column("coverage", Double),
    required("is_final", Boolean),
    required("run", Text()),
    required("code_version", Text()),
    required("spec", Digest()),
    # The contract that answered, if one did.
    Column("contract", Digest()),
    UniqueConstraint("head_id", "number"),
)

# No foreign keys: two look-ups a value, for a table that one function writes. Widest columns first: no padding.
measurement = table_of(
    "measurement",
    required("window_start", Moment()),
    Column("value", Double),
    Column("low", Double),
    Column("high", Double),
    Column("p_value", Double),
    Column("noise", Double),
    Column("n", BigInteger),
    required("revision_id", BigInteger),
    required("series_id", Integer),
    required("status", String(20)),
    required("reason", Text()),
    # The key's order is the index's: one series, oldest window first.
    PrimaryKeyConstraint("series_id", "window_start", "revision_id"),
    CheckConstraint("value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308", name="finite"),
    CheckConstraint("status <> 'ok' OR value IS NOT NULL", name="answered"),
    sqlite_with_rowid=False,
)

decision = table_of(
    "decision",
    Column("id", String(200), primary_key=True),
    id_of("monitor"),
    required("number", Integer),
    required("known_at", Moment()),
    required("policy_digest", Digest()),
    required("input_digest", Digest()),
    required("action", String(20)),
    required("because", LongText),
    required("evidence", Json()),
    required("incident", String(200)),
    required("acts", Boolean),
    required("state", Json()),
    required("incidents", Json()),
    required("run", Text()),
    required("recorded_at", Moment()),
    UniqueConstraint("monitor_id", "known_at", "policy_digest", "input_digest"),
    UniqueConstraint("monitor_id", "number"),
)

incident = table_of(
    "incident",
    id_of("monitor", key=True),
    Column("incident", String(200), primary_key=True),
    required("action", String(20)),
    required("model_version", Text()),
    required("first_start", Moment()),
    required("first_end", Moment()),
    required("last_start", Moment()),
    required("last_end", Moment()),
    required("status", String(20)),
    required("opened_at", Moment()),
)

incident_event = table_of(
    "incident_event",
    Column("decision_id", String(200), ForeignKey("decision.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    required("incident", String(200)),
    required("event", String(20)),
    required("text", LongText),
)

action_taken = table_of(
    "action_taken",
    id_of("monitor", key=True),
    Column("incident", String(200), primary_key=True),
    Column("action", String(20), primary_key=True),
    required("decision_id", String(200)),
    required("asked_at", Moment()),
    required("state", String(20)),
    Column("run_id", String(250), nullable=False, default=""),
    Column("claimed_at", Moment()),
    Column("note", LongText, nullable=False, default=""),
    touched(),
    Index(None, "decision_id"),
)

message = table_of(
    "message",
    Column("decision_id", String(200), ForeignKey("decision.id"), primary_key=True),
    Column("carrier", String(200), primary_key=True),
    required("claimed_by", Text()),
    required("claimed_at", Moment()),
    Column("sent_at", Moment()),
    touched(),
)

feedback = table_of(
    "feedback",
    own_id(),
    id_of("monitor"),
    required("incident", String(200)),
    required("verdict", String(20)),
    required("note", LongText),
    required("author", Text()),
    required("given_at", Moment()),
    Index(None, "monitor_id", "incident"),
)
