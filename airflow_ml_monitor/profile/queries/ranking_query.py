"""Of the ledger's statements what a ranking needs: places of items, and what each query was worth at each moment.

A query is its id, on one calendar day, by one model version. It counts as labelled once any of its items has a label:
items without one count as not relevant, as TREC counts what nobody judged. Its slice and its stratum are those of its
first item. A label of any item changes what the whole query is worth, so that an entry takes back what the query was
worth before and adds what it is worth now; on a day of knowledge on which none of its labels came it has no entry.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.queries.label_events import spans
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import Expression, hashed, number, source, text, whole
from airflow_ml_monitor.profile.queries.reading import with_bucket
from airflow_ml_monitor.profile.queries.score_bucket import one_bucket
from airflow_ml_monitor.profile.sums import HIT, OF_QUERIES, of_query
from airflow_ml_monitor.profile.task import Task

_QUERY: Final = ("day", "version", "query")
"""What names a query."""


def said(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """What items are ordered by, as the score; nothing is decided."""
    return [whole(0).label("decided"), _ranked_by(columns, p).label("score"), *_item(columns, p)]


def decided(columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
    return with_bucket(read, one_bucket(read.c.score))


def _ranked_by(columns: LedgerColumns, p: sa.TableClause) -> Expression:
    """What items are ordered by, the highest first: the rank that was given them, else the score."""
    rank, score = columns.dataset.column(Role.PREDICTION), columns.dataset.column(Role.SCORE)
    if rank is not None:
        return -sa.cast(p.c[rank.name], sa.Double)
    assert score is not None  # the spec's own check
    return sa.cast(p.c[score.name], sa.Double)


def _item(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """What is read of an item: its query's name, and what decides between equal scores."""
    name = text(p.c[columns.query])
    if columns.is_dated:
        name = text(sa.cast(p.c[columns.dataset.event_time], sa.Date)) + sa.literal(" ", sa.String) + name
    keys = (p.c[key].label(f"t{i}") for i, key in enumerate(columns.dataset.entity_key))
    return [name.label("query"), *keys]


def placed(columns: LedgerColumns, p: sa.FromClause, among: Expression) -> sa.CTE:
    """Predictions with their place among their query's, from 1; NULL without a score. Rows without a query left out.

    among: true of the queries that are asked for. nth: the place, in which those without a score come last. Bucket,
    stratum and slices are those of the first item.
    """
    mine = [p.c[name] for name in _QUERY]
    keys = [p.c[f"t{i}"] for i in range(len(columns.dataset.entity_key))]
    is_scored = sa.case((p.c.bucket >= whole(0), whole(1)), else_=whole(0))
    order = [is_scored.desc(), sa.case((is_scored == whole(1), p.c.score)).desc(), *keys]
    nth = sa.func.row_number().over(partition_by=mine, order_by=order)
    shared = _of_first(columns)
    firsts = (sa.func.first_value(p.c[name]).over(partition_by=mine, order_by=order).label(name) for name in shared)
    others = [column for column in p.c if column.name not in (*shared, "score")]
    return (
        sa.select(*others, *firsts, nth.label("nth"), sa.case((is_scored == whole(1), nth)).label("place"))
        .where(p.c.query.is_not(None), among)
        .cte("placed")
        .prefix_with("MATERIALIZED")
    )


def _of_first(columns: LedgerColumns) -> list[str]:
    return ["bucket", "stratum", *(f"s{i}" for i in range(len(columns.slices)))]


def queries(columns: LedgerColumns, p: sa.Subquery) -> sa.Select[Any]:
    """One row per query of stale days."""
    items = placed(columns, p, p.c.stale)
    return sa.select(items).where(items.c.nth == whole(1))


def reference_queries(columns: LedgerColumns, p: sa.Subquery) -> sa.Select[Any]:
    """One row per query with a label, of rows that carry theirs."""
    items = placed(columns, p, sa.true())
    judged = sa.select(
        *(items.c[name] for name in (*_QUERY, *_of_first(columns), "place", "label")), whole(0).label("known")
    ).where(items.c.label.is_not(None))
    return sa.select(_worth(columns, judged.subquery("judged"), ["known"]), *_constants())


def known_queries(columns: LedgerColumns, p: sa.Subquery, labels: LabelSource) -> sa.Select[Any]:
    """What queries were worth from each day of knowledge on, sign 1, and from which on no longer, sign -1."""
    worth = _worth(columns, _judged(_told(columns, p, labels), columns, labels), ["known", "following"])
    signs = sa.values(sa.column("sign", sa.BigInteger), name="signs").data([(1,), (-1,)])
    when = sa.case((signs.c.sign == whole(1), worth.c.known), else_=worth.c.following)
    others = [column for column in worth.c if column.name not in ("known", "following")]
    return (
        sa.select(*others, when.label("known"), signs.c.sign, *_constants())
        .select_from(worth.join(signs, sa.true()))
        .where(when >= whole(0))
    )


def _judged(told: sa.CTE, columns: LedgerColumns, labels: LabelSource) -> sa.Subquery:
    """Items with a label, once for every day of knowledge on which a label of their query came, as known then."""
    steps = _steps(told, labels)
    there: list[Expression] = [told.c.label.is_not(None)]
    if labels.label_time:
        there += [told.c.moment <= steps.c.upto, sa.or_(told.c.until.is_(None), told.c.until > steps.c.upto)]
    mine = [told.c[name] for name in (*_QUERY, *_of_first(columns), "place")]
    return (
        sa.select(*mine, steps.c.known, steps.c.following, told.c.label)
        .select_from(steps.join(told, sa.and_(*(told.c[name] == steps.c[name] for name in _QUERY))))
        .where(*there)
        .subquery("judged")
    )


def _told(columns: LedgerColumns, p: sa.Subquery, labels: LabelSource) -> sa.CTE:
    """Items with each label they ever had, and from when until when.

    Held, so that it is joined by names alone: left to choose, DuckDB compares all moments of a million labels.
    """
    theirs, every = spans(columns, labels), sa.select(p).cte("every").prefix_with("MATERIALIZED")
    names = [*(f"k{i}" for i in range(len(labels.key))), *(["day"] if "day" in theirs.c else [])]
    mine = [every.c[name] for name in _QUERY]
    labelled = sa.select(*mine).select_from(every.join(theirs, sa.and_(*(every.c[n] == theirs.c[n] for n in names))))
    items = placed(columns, every, sa.tuple_(*mine).in_(labelled))
    moments = [theirs.c.moment, theirs.c.until] if labels.label_time else []
    shared = [items.c[name] for name in (*_QUERY, "stale", *_of_first(columns), "place")]
    return (
        sa.select(*shared, theirs.c.label, *moments)
        .select_from(items.join(theirs, sa.and_(*(items.c[n] == theirs.c[n] for n in names))))
        .cte("told")
        .prefix_with("MATERIALIZED")
    )


def _steps(told: sa.CTE, labels: LabelSource) -> sa.Subquery:
    """Queries × days of knowledge on which a label of theirs came; following: the next one, NULL after the last.

    Day -1 is the moment :since, up to which what queries were worth is in the ledger; of stale days nothing is.
    """
    query = [told.c[name] for name in _QUERY]
    if not labels.label_time:
        known = sa.select(*query, whole(0).label("known")).where(told.c.stale).distinct().subquery("steps")
        return sa.select(known, sa.cast(sa.null(), sa.BigInteger).label("following")).subquery("ordered")
    cuts = source("known", "after", "upto", name="known")
    came = (
        sa.select(*query, told.c.stale, cuts.c.known, cuts.c.upto)
        .select_from(told.join(cuts, sa.and_(told.c.moment > cuts.c.after, told.c.moment <= cuts.c.upto)))
        .where(sa.or_(told.c.stale, told.c.moment > sa.bindparam("since")))
        .distinct()
        .cte("came")
        .prefix_with("MATERIALIZED")
    )
    mine = [came.c[name] for name in _QUERY]
    before = sa.select(*mine, whole(-1).label("known"), sa.bindparam("since").label("upto")).where(~came.c.stale)
    steps = sa.union_all(sa.select(*mine, came.c.known, came.c.upto), before.distinct()).subquery("steps")
    following = sa.func.lead(steps.c.known).over(
        partition_by=[steps.c[name] for name in _QUERY], order_by=steps.c.known
    )
    return sa.select(steps, following.label("following")).subquery("ordered")


def _worth(columns: LedgerColumns, judged: sa.Subquery, moments: list[str]) -> sa.Subquery:
    """One row per query and moment of its judged items: what OF_QUERIES and HIT name, by each cut-off."""
    shared = [judged.c[name] for name in (*_QUERY, *_of_first(columns), *moments)]
    query = [judged.c[name] for name in (*_QUERY, "known")]
    gain = sa.case((judged.c.label > number(0), judged.c.label), else_=number(0))
    relevant = sa.case((judged.c.label > number(0), number(1)), else_=number(0))
    items = sa.select(
        *shared,
        judged.c.place,
        gain.label("gain"),
        relevant.label("relevant"),
        sa.func.sum(relevant).over(partition_by=query, order_by=judged.c.place.asc().nulls_last()).label("hits"),
        sa.func.row_number().over(partition_by=query, order_by=gain.desc()).label("ideal"),
    ).subquery("items")
    named = [items.c[column.name] for column in shared]
    found = (
        sa.select(*named, *(part.label(name) for name, part in _totals(columns.task, items).items()))
        .group_by(*named)
        .subquery("totals")
    )
    kept = [found.c[column.name] for column in shared]
    return sa.select(*kept, *(part.label(name) for name, part in _values(columns.task, found).items())).subquery(
        "worth"
    )


def _totals(task: Task, items: sa.Subquery) -> dict[str, Expression]:
    """Sums over a query's judged items."""
    place = sa.cast(items.c.place, sa.Double)
    state = hashed(items.c.place, items.c.gain)
    found: dict[str, Expression] = {
        "relevant": sa.func.sum(items.c.relevant),
        "first": sa.func.min(sa.case((items.c.relevant > number(0), place))),
        "state": sa.func.sum(items.c.relevant * state),
    }
    for k in task.cutoffs:
        among = items.c.place <= whole(k)
        ideal = sa.case((items.c.ideal <= whole(k), _discounted(items.c.gain, items.c.ideal)), else_=number(0))
        parts = {
            "hits": items.c.relevant,
            "precisions": items.c.relevant * items.c.hits / place,
            "gain": _discounted(items.c.gain, items.c.place),
        }
        found |= {f"{name}{k}": sa.func.sum(sa.case((among, x), else_=number(0))) for name, x in parts.items()}
        found[f"ideal{k}"] = sa.func.sum(ideal)
    return found


def _discounted(gain: Expression, place: Expression) -> Expression:
    """Of Järvelin and Kekäläinen 2002, gains as they are; the logarithm's base cancels."""
    return gain / sa.func.ln(sa.cast(place + whole(1), sa.Double), type_=sa.Double)


def _values(task: Task, found: sa.Subquery) -> dict[str, Expression]:
    """What a query is worth; 0 where none of its items is relevant."""
    none, relevant = found.c.relevant == number(0), found.c.relevant
    values: dict[str, Expression] = {
        "no_relevant": sa.case((none, number(1)), else_=number(0)),
        # Of the whole query: an item is worth what the others leave it, and may change places with another query's.
        "state": hashed(found.c.state),
    }
    for k in task.cutoffs:
        hits, most = found.c[f"hits{k}"], sa.case((relevant < number(k), relevant), else_=number(k))
        parts = {
            "ndcg": sa.func.least(found.c[f"gain{k}"] / found.c[f"ideal{k}"], number(1), type_=sa.Double),
            "average_precision": sa.func.least(found.c[f"precisions{k}"] / most, number(1), type_=sa.Double),
            "reciprocal_rank": sa.case((found.c.first <= number(k), number(1) / found.c.first), else_=number(0)),
            "recall": hits / relevant,
            "precision": hits / number(k),
            HIT: sa.case((hits > number(0), number(1)), else_=number(0)),
        }
        assert {*OF_QUERIES, HIT} == {*parts}
        values |= {of_query(name, k): sa.case((none, number(0)), else_=part) for name, part in parts.items()}
    return values


def _constants() -> list[Expression]:
    """What entries of other tasks are told apart by."""
    return [whole(0).label("label"), whole(0).label("prediction")]


def sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """Over an entry's queries, as `task_sums` names them; nothing of queries without any score."""
    found: dict[str, Expression] = {name: rows.c[name] for name in ("no_relevant", "state")}
    for k in columns.task.cutoffs:
        for name in OF_QUERIES:
            x = rows.c[of_query(name, k)]
            found |= {of_query(name, k): x, of_query(name, k, 2): x * x, of_query(name, k, 3): x * x * x}
        found[of_query(HIT, k)] = rows.c[of_query(HIT, k)]
    return {name: sa.case((rows.c.bucket >= whole(0), part), else_=number(0)) for name, part in found.items()}
