"""The ledger's statements: predictions joined with what became known, as signed counts.

They read `source` (predictions), `labels` (the label source), `days` (the calendar days asked for: day, starts, ends,
stale) and `known` (the days on which labels became known: known, after, upto), opened by the engine under these names.
Their arguments carry no source, so that a statement is built once for each of them.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import LabelSource, Role, Task, TaskKind
from airflow_ml_monitor.profile.layout import SCORE_BUCKETS, SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.ledger import UNSCORED
from airflow_ml_monitor.profile.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.query import Expression, category, in_window, number, sets, source, text, whole

CLIP: Final = 1e-15
"""Scores are moved this far from 0 and 1 before a logarithm."""


def _source(columns: LedgerColumns, *besides: str) -> sa.TableClause:
    """The predictions' table with every column that a statement may name."""
    dataset = columns.dataset
    names = [dataset.event_time, *dataset.entity_key, *(c.name for c in dataset.columns), *besides]
    return source(*dict.fromkeys(names))


def _in_days(p: sa.TableClause, event_time: str, days: sa.TableClause) -> Expression:
    return sa.and_(p.c[event_time] >= days.c.starts, p.c[event_time] < days.c.ends)


def _days() -> sa.TableClause:
    return source("day", "starts", "ends", "stale", name="days")


def _scored(columns: LedgerColumns, p: sa.TableClause) -> tuple[Expression, Expression]:
    """(score, decided class) of a prediction; the class is NULL where its column says nothing."""
    dataset, task = columns.dataset, columns.task
    score_column, class_column = dataset.column(Role.SCORE), dataset.column(Role.PREDICTION)
    if task.kind is TaskKind.REGRESSION:
        assert class_column is not None  # the spec's own check
        return sa.cast(p.c[class_column.name], sa.Double), whole(0)
    assert score_column is not None  # the spec's own check
    score = sa.cast(p.c[score_column.name], sa.Double)
    if class_column is None:
        return score, sa.case((score >= number(task.threshold), whole(1)), else_=whole(0))
    return score, _positive(p.c[class_column.name], task, columns.class_is_number)


def _bucket(task: Task, score: Expression, decided: Expression) -> Expression:
    """The score's bucket; UNSCORED where score or class is missing or no such thing."""
    if task.kind is TaskKind.REGRESSION:
        return sa.case((score - score == number(0), whole(0)), else_=whole(UNSCORED))
    outside = sa.or_(score.is_(None), score < number(0), score > number(1), decided.is_(None))
    low, high = _root_bucket(score), whole(SCORE_BUCKETS - 1) - _root_bucket(number(1) - score)
    return sa.case((outside, whole(UNSCORED)), (score <= number(0.5), low), else_=high)


def _root_bucket(share: Expression) -> Expression:
    """The bucket of a probability up to 0.5. Two square roots, which every engine rounds alike; no power, no log."""
    root = sa.func.sqrt(sa.func.sqrt(share * number(2), type_=sa.Double), type_=sa.Double)
    return sa.cast(sa.func.floor(root * number(SCORE_BUCKETS / 2), type_=sa.Double), sa.BigInteger)


def _predictions(
    columns: LedgerColumns, *, label: str = "", timeless: bool = False, keyed: bool = False
) -> sa.Subquery:
    """One row per prediction: its day, keys, slices, version, stratum, decided class, score bucket (and label).

    In two steps, so that no expression is planned as often as it is used.
    """
    p, days = _source(columns, *([label] if label else [])), _days()
    score, decided = _scored(columns, p)
    stratum, version = columns.stratum, sa.literal("", sa.String)
    keys = columns.predicted_keys(p) if keyed else []
    read = (
        sa.select(
            days.c.day,
            days.c.stale,
            *(key.label(f"k{i}") for i, key in enumerate(keys)),
            *(category(p.c[s.column], s).label(f"s{i}") for i, s in enumerate(columns.slices)),
            (sa.func.coalesce(text(p.c[columns.version]), version) if columns.version else version).label("version"),
            (category(p.c[stratum.column], stratum) if stratum else whole(0)).label("stratum"),
            decided.label("decided"),
            score.label("score"),
            *([label_value(columns, p.c[label]).label("label")] if label else []),
        )
        .select_from(p.join(days, sa.true() if timeless else _in_days(p, columns.dataset.event_time, days)))
        .subquery("read")
    )
    return sa.select(
        *(column for column in read.c if column.name != "decided"),
        sa.func.coalesce(read.c.decided, whole(0)).label("prediction"),
        _bucket(columns.task, read.c.score, read.c.decided).label("bucket"),
    ).subquery("predictions")


def _positive(column: Expression, task: Task, is_number: bool) -> Expression:
    """1 where a label (or class) is the positive one, else 0; NULL where it is NULL, NaN or infinite."""
    if is_number:
        x = sa.cast(column, sa.Double)
        return sa.case((x == number(float(task.positive)), whole(1)), (x - x == number(0), whole(0)), else_=sa.null())
    named, value = text(column), str(task.positive)
    if isinstance(task.positive, bool):
        named, value = sa.func.lower(named, type_=sa.String), value.lower()
    hit = named == sa.literal(value, sa.String)
    return sa.case((column.is_(None), sa.null()), (hit, whole(1)), else_=whole(0))


def label_value(columns: LedgerColumns, column: Expression) -> Expression:
    if columns.task.kind is TaskKind.BINARY:
        return _positive(column, columns.task, columns.label_is_number)
    x = sa.cast(column, sa.Double)
    return sa.case((x - x == number(0), x), else_=sa.null())


def _losses(task: Task, score: Expression, label: Expression) -> dict[str, Expression]:
    """What a labelled prediction is worth."""
    if task.kind is TaskKind.REGRESSION:
        return {"error": score - label}
    clipped = sa.case((score < number(CLIP), number(CLIP)), (score > number(1 - CLIP), number(1 - CLIP)), else_=score)
    chance = sa.case((label == number(1), clipped), else_=number(1) - clipped)
    return {"score": score, "log_loss": -sa.func.ln(chance, type_=sa.Double), "gap": score - label}


def _sums(task: Task, rows: sa.Subquery) -> dict[str, Expression]:
    """What is summed over an entry's rows, as named in ledger.SUMS."""
    if task.kind is TaskKind.REGRESSION:
        error = rows.c.error
        return {
            "error": error,
            "error_abs": sa.func.abs(error, type_=sa.Double),
            "error2": error * error,
            "error3": error * error * error,
            "error4": error * error * error * error,
        }
    loss, gap = rows.c.log_loss, rows.c.gap
    found = {"score": rows.c.score, "log_loss": loss, "log_loss2": loss * loss, "brier": gap * gap}
    return {**found, "brier2": gap * gap * gap * gap}


def _labels(labels: LabelSource) -> sa.TableClause:
    names = [*labels.key, labels.label, *([labels.label_time] if labels.label_time else [])]
    return source(*dict.fromkeys(names), name="labels")


def _known(labels: LabelSource, table: sa.TableClause, bound: str = "upto") -> Expression:
    """Labels known up to a moment; all of them if the source does not say when."""
    return table.c[labels.label_time] <= sa.bindparam(bound) if labels.label_time else sa.true()


def _touched(columns: LedgerColumns, labels: LabelSource) -> sa.CompoundSelect[Any]:
    """Keys of which a label became known after :since, and keys of stale days' predictions: the rest costs no sort."""
    table, p, days = _labels(labels), _source(columns), _days()
    moment = table.c[labels.label_time or ""]
    fresh = sa.select(*columns.label_keys(labels, table)).where(moment > sa.bindparam("since"))
    tables = p.join(days, sa.and_(days.c.stale, _in_days(p, columns.dataset.event_time, days)))
    return sa.union_all(fresh, sa.select(*columns.predicted_keys(p)).select_from(tables))


def _events(columns: LedgerColumns, labels: LabelSource) -> sa.Subquery:
    """What became known: +1 for a label, -1 for the one it replaces; in order of label time."""
    table = _labels(labels)
    keys = columns.label_keys(labels, table)
    plain = sa.select(
        *(key.label(f"k{i}") for i, key in enumerate(keys)),
        label_value(columns, table.c[labels.label]).label("label"),
        (table.c[labels.label_time] if labels.label_time else sa.null()).label("moment"),
    ).where(_known(labels, table))
    if not labels.label_time:
        known = plain.subquery("plain")
        return sa.select(known, whole(1).label("sign")).where(known.c.label.is_not(None)).subquery("events")
    known = plain.where(sa.tuple_(*keys).in_(_touched(columns, labels))).subquery("plain")
    replaced = sa.func.lag(known.c.label).over(
        partition_by=[known.c[f"k{i}"] for i in range(len(keys))], order_by=[known.c.moment, known.c.label]
    )
    ordered = sa.select(known, replaced.label("before")).subquery("ordered")
    signs = sa.values(sa.column("sign", sa.BigInteger), name="signs").data([(1,), (-1,)])
    label = sa.case((signs.c.sign == whole(1), ordered.c.label), else_=ordered.c.before)
    keyed = [ordered.c[f"k{i}"] for i in range(len(keys))]
    return (
        sa.select(*keyed, label.label("label"), ordered.c.moment, signs.c.sign)
        .select_from(ordered.join(signs, sa.true()))
        .where(label.is_not(None))
        .subquery("events")
    )


def label_entries(columns: LedgerColumns, labels: LabelSource) -> sa.SelectBase:
    """Entries of labels: of stale days everything known up to :upto, of the others what became known after :since.

    A source that does not say when its labels became known has nothing to add to a day that is not stale.
    Columns: day, known (index into `known`), s0 …, version, stratum, label, prediction, bucket, count and sums.
    """
    p, e = _predictions(columns, keyed=True), _events(columns, labels)
    known = source("known", "after", "upto", name="known")
    tables = p.join(e, sa.and_(*(p.c[f"k{i}"] == e.c[f"k{i}"] for i in range(len(labels.key)))))
    when: Expression = whole(0)
    fresh: Expression = p.c.stale
    if labels.label_time:
        tables = tables.join(known, sa.and_(e.c.moment > known.c.after, e.c.moment <= known.c.upto))
        when = known.c.known
        fresh = sa.or_(p.c.stale, e.c.moment > sa.bindparam("since"))
    rows = (
        sa.select(*_row(columns, p, e.c.label), when.label("known"), e.c.sign)
        .select_from(tables)
        .where(fresh)
        .subquery("rows")
    )
    return _grouped(columns, rows, ["known", "label", "prediction"], rows.c.sign)


def reference_entries(columns: LedgerColumns, label: str, timeless: bool) -> sa.SelectBase:
    """Entries of labels that stand in the rows themselves; columns as label_entries. timeless: whatever the day."""
    p = _predictions(columns, label=label, timeless=timeless)
    rows = (
        sa.select(*_row(columns, p, p.c.label), whole(0).label("known")).where(p.c.label.is_not(None)).subquery("rows")
    )
    return _grouped(columns, rows, ["known", "label", "prediction"], whole(1))


def _row(columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Any]:
    """A labelled prediction: what it is grouped by, and what is summed; nothing without a score."""
    losses = _losses(columns.task, p.c.score, sa.cast(label, sa.Double))
    slices = (f"s{i}" for i in range(len(columns.slices)))
    return [
        *(p.c[name] for name in ("day", "version", "stratum", "prediction", "bucket", *slices)),
        (label if columns.task.kind is TaskKind.BINARY else whole(0)).label("label"),
        *(sa.case((p.c.bucket >= whole(0), part), else_=number(0)).label(name) for name, part in losses.items()),
    ]


def prediction_entries(columns: LedgerColumns, timeless: bool = False) -> sa.SelectBase:
    """Entries that count the predictions of stale days; columns as label_entries, without known, label and sums."""
    p = _predictions(columns, timeless=timeless)
    rows = sa.select(p).where(p.c.stale).subquery("rows")
    return _grouped(columns, rows, ["prediction"], whole(1))


def _slice_bucket(bucket: Expression) -> Expression:
    joined = sa.cast(sa.func.floor(bucket / number(SLICE_SCORE_JOIN), type_=sa.Double), sa.BigInteger)
    return sa.case((bucket >= whole(0), joined), else_=bucket)


def _grouped(columns: LedgerColumns, rows: sa.Subquery, keys: list[str], sign: Expression) -> sa.SelectBase:
    """Signed counts and sums by day, version, stratum, keys and bucket; of the whole, and coarser of every slice."""
    shared = [rows.c[name] for name in ("day", "version", "stratum", *keys)]
    slices = [rows.c[f"s{i}"] for i in range(len(columns.slices))]
    coarse = [_slice_bucket(rows.c.bucket)] if slices else []
    sums = _sums(columns.task, rows) if "label" in keys else {}
    return sa.select(
        *shared,
        rows.c.bucket,
        *(c.label("coarse") for c in coarse),
        *slices,
        sa.cast(sa.func.sum(sign), sa.BigInteger).label("count"),
        *(sa.func.sum(sign * part).label(name) for name, part in sums.items()),
    ).group_by(*sets([*shared, rows.c.bucket], slices, [*shared, *coarse]))


def watermark(labels: LabelSource) -> sa.SelectBase:
    """(rows, digest) of the labels known up to :since, then up to :upto: a change behind the first is a rewrite."""
    table = _labels(labels)
    # The sum of hashes, not their exclusive or, in which two equal rows would leave no trace.
    line = sa.cast(sa.func.hash(*(text(column) for column in table.c)), sa.Numeric(38, 0))
    found: list[Expression] = []
    for bound in ("since", "upto"):
        known = _known(labels, table, bound)
        found += [sa.func.count().filter(known), text(sa.func.coalesce(sa.func.sum(line).filter(known), whole(0)))]
    return sa.select(*found).select_from(table)


def label_counts(columns: LedgerColumns, labels: LabelSource) -> sa.SelectBase:
    """(orphans, repeats): labels known up to :upto that match no prediction; label rows beyond a key's first.

    Only predictions in [:start, :end), which ends at :upto, count: which files were opened must not decide what is an
    orphan.
    """
    table, p = _labels(labels), _source(columns)
    keys = [key.label(f"k{i}") for i, key in enumerate(columns.label_keys(labels, table))]
    known = sa.select(*keys).where(table.c[labels.label].is_not(None), _known(labels, table)).subquery("known_labels")
    keyed = [known.c[f"k{i}"] for i in range(len(keys))]
    one = sa.select(*keyed, sa.func.count().label("rows")).group_by(*keyed).subquery("one")
    theirs = (
        sa.select(*(key.label(f"p{i}") for i, key in enumerate(columns.predicted_keys(p))))
        .where(in_window(p, columns.dataset.event_time))
        .distinct()
        .subquery("theirs")
    )
    same = sa.and_(*(theirs.c[f"p{i}"] == one.c[f"k{i}"] for i in range(len(keys))))
    return sa.select(
        sa.func.count().filter(theirs.c.p0.is_(None)),
        sa.cast(sa.func.coalesce(sa.func.sum(one.c.rows - whole(1)), whole(0)), sa.BigInteger),
    ).select_from(one.outerjoin(theirs, same))
