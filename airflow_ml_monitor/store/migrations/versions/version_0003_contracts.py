"""Contracts: each version that answered, by the digest that results name."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey

from airflow_ml_monitor.store.columns import Digest, Id, Json, Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contract",
        Column("monitor_id", Id, ForeignKey("monitor.id", name="fk_contract_monitor_id"), primary_key=True),
        Column("digest", Digest(), primary_key=True),
        Column("document", Json(), nullable=False),
        Column("seen_at", Moment(), nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def downgrade() -> None:
    op.drop_table("contract")
