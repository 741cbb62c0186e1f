"""Messages: which decision was told by whom, so that none is sent twice."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, String, Text

from airflow_ml_monitor.store.columns import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message",
        Column("decision_id", String(200), ForeignKey("decision.id", name="fk_message_decision_id"), primary_key=True),
        Column("carrier", String(200), primary_key=True),
        Column("claimed_by", Text(), nullable=False),
        Column("claimed_at", Moment(), nullable=False),
        Column("sent_at", Moment()),
        Column("touched", BigInteger(), nullable=False, default=0),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def downgrade() -> None:
    op.drop_table("message")
