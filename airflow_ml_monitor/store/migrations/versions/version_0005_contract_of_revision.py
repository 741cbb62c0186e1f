"""Which contract answered stands with the revision; so far it was named in words only, at the end of each reason."""

from __future__ import annotations

import re

from alembic import op
from sqlalchemy import Column, bindparam, column, select, table, update

from airflow_ml_monitor.store.columns import Digest

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NAMED = re.compile(r"contract .*@([0-9a-f]{24})$")


def upgrade() -> None:
    op.add_column("revision", Column("contract", Digest()))
    revisions = table("revision", column("id"), column("head_id"), column("contract"))
    heads = table("head", column("id"), column("family"))
    rows = table("measurement", column("revision_id"), column("reason"))
    joined = rows.join(revisions, revisions.c.id == rows.c.revision_id).join(heads, heads.c.id == revisions.c.head_id)
    reasons = select(rows.c.revision_id, rows.c.reason).select_from(joined).distinct()
    connection = op.get_bind()
    found = {
        row.revision_id: match[1]
        for row in connection.execute(reasons.where(heads.c.family.in_(["contract", "rows"])))
        if (match := _NAMED.search(row.reason))
    }
    if found:
        statement = update(revisions).where(revisions.c.id == bindparam("of")).values(contract=bindparam("digest"))
        connection.execute(statement, [{"of": id_, "digest": digest} for id_, digest in found.items()])


def downgrade() -> None:
    op.drop_column("revision", "contract")
