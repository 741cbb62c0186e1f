"""Of the ledger's statements what a binary score costs, the model's or another's."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.queries.query import Expression, number
from airflow_ml_monitor.profile.sums import CLIP


def log_loss(score: Expression, label: Expression) -> Expression:
    """Negative log-likelihood of a label, 1 or 0, in nats."""
    clipped = sa.case((score < number(CLIP), number(CLIP)), (score > number(1 - CLIP), number(1 - CLIP)), else_=score)
    chance = sa.case((label == number(1), clipped), else_=number(1) - clipped)
    return -sa.func.ln(chance, type_=sa.Double)
