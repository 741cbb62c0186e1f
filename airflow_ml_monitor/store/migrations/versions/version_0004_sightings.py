"""Sightings: which profile a window had as known at a moment."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, column, insert, select, table

from airflow_ml_monitor.store.columns import Id, Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    made = op.create_table(
        "sighting",
        Column("id", Id, primary_key=True, autoincrement=True),
        Column("scan_id", Id, ForeignKey("scan.id", name="fk_sighting_scan_id"), nullable=False),
        Column("known_at", Moment(), nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_index("ix_sighting_scan_id", "sighting", ["scan_id"])
    # When it became known was not written down: from the window's end on, the one saved last at last.
    scan = table("scan", column("id"), column("window_end"), column("saved_at"))
    stored = select(scan.c.id, scan.c.window_end).order_by(scan.c.saved_at, scan.c.id)
    op.execute(insert(made).from_select(["scan_id", "known_at"], stored))


def downgrade() -> None:
    op.drop_table("sighting")
