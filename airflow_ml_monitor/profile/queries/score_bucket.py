"""The bucket of a score, as the ledger's statements say it."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.layout import SCORE_BUCKETS, SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.ledger import UNSCORED
from airflow_ml_monitor.profile.queries.query import Expression, number, whole


def score_bucket(score: Expression) -> Expression:
    """Of a score in [0, 1] one of SCORE_BUCKETS, ascending with the score."""
    low, high = _root_bucket(score), whole(SCORE_BUCKETS - 1) - _root_bucket(number(1) - score)
    return sa.case((score <= number(0.5), low), else_=high)


def chance_bucket(score: Expression, decided: Expression) -> Expression:
    """A chance's; UNSCORED where it is none, or nothing was decided."""
    outside = sa.or_(score.is_(None), score < number(0), score > number(1), decided.is_(None))
    return sa.case((outside, whole(UNSCORED)), else_=score_bucket(score))


def one_bucket(score: Expression) -> Expression:
    """The only one of other tasks' scores; UNSCORED where they are missing or not finite."""
    return sa.case((score - score == number(0), whole(0)), else_=whole(UNSCORED))


def slice_bucket(bucket: Expression) -> Expression:
    """SLICE_SCORE_JOIN buckets joined to one; those below 0, which hold no score, as they are."""
    joined = sa.cast(sa.func.floor(bucket / number(SLICE_SCORE_JOIN), type_=sa.Double), sa.BigInteger)
    return sa.case((bucket >= whole(0), joined), else_=bucket)


def _root_bucket(share: Expression) -> Expression:
    """The bucket of a probability up to 0.5. Two square roots, which every engine rounds alike; no power, no log."""
    root = sa.func.sqrt(sa.func.sqrt(share * number(2), type_=sa.Double), type_=sa.Double)
    return sa.cast(sa.func.floor(root * number(SCORE_BUCKETS / 2), type_=sa.Double), sa.BigInteger)
