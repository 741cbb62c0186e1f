"""The ledger's statements: predictions joined with what became known, as signed counts.

They read `source` (predictions), `labels` (the label source), `days` (the calendar days asked for: day, starts, ends,
stale, due: when silence about them is a label) and `known` (the days on which labels became known: known, after, upto),
opened by the engine under these names.
Their arguments carry no source, so that a statement is built once for each of them.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.error_grid import NO_PERCENTAGE
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.ledger import CENSORED, SCORELESS, UNSCORED
from airflow_ml_monitor.profile.queries import class_query, feature_query, multilabel_query, ranking_query, strata
from airflow_ml_monitor.profile.queries.column_sums import column_sums, column_value
from airflow_ml_monitor.profile.queries.error_query import by_error, error_sums
from airflow_ml_monitor.profile.queries.label_events import (
    days_table,
    events,
    in_days,
    label_value,
    positive,
    predictions_table,
)
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import (
    Expression,
    category,
    flag,
    hashed,
    held,
    in_window,
    number,
    one_where,
    part_where,
    sets,
    source,
    text,
    whole,
)
from airflow_ml_monitor.profile.queries.score_bucket import score_bucket, slice_bucket
from airflow_ml_monitor.profile.queries.score_query import log_loss
from airflow_ml_monitor.profile.sums import SUMS, at_least
from airflow_ml_monitor.profile.task import Task, TaskKind

_READ: Final = {TaskKind.BINARY: ("score",), TaskKind.REGRESSION: ("error", "truth")}
"""What the sums of every row read, besides its label; of several classes their scores."""


def _scored(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """Score and decided class of a prediction; the class is NULL where its column says nothing."""
    if columns.task.kind is TaskKind.MULTILABEL:
        return multilabel_query.raw_scores(columns, p)
    if columns.task.kind is TaskKind.MULTICLASS:
        return class_query.raw_scores(columns, p)
    if columns.is_ranking:
        return [whole(0).label("decided"), ranking_query.ranked_by(columns, p).label("score")]
    score, decided = _score_and_class(columns, p)
    return [decided.label("decided"), score.label("score")]


def _score_and_class(columns: LedgerColumns, p: sa.TableClause) -> tuple[Expression, Expression]:
    dataset, task = columns.dataset, columns.task
    score_column, class_column = dataset.column(Role.SCORE), dataset.column(Role.PREDICTION)
    if task.kind is TaskKind.REGRESSION:
        assert class_column is not None  # the spec's own check
        return sa.cast(p.c[class_column.name], sa.Double), whole(0)
    assert score_column is not None  # the spec's own check
    score = sa.cast(p.c[score_column.name], sa.Double)
    if class_column is None:
        return score, flag(score >= number(task.threshold))
    return score, positive(p.c[class_column.name], task, columns.class_is_number)


def _bucket(columns: LedgerColumns, score: Expression, decided: Expression) -> Expression:
    """The score's bucket; UNSCORED where score or class is missing or no such thing."""
    task = columns.task
    if task.kind is TaskKind.MULTICLASS and not columns.dataset.scores(task):
        return sa.case((decided.is_(None), whole(UNSCORED)), else_=whole(SCORELESS))
    if task.kind in (TaskKind.REGRESSION, TaskKind.RANKING):
        return sa.case((score - score == number(0), whole(0)), else_=whole(UNSCORED))
    outside = sa.or_(score.is_(None), score < number(0), score > number(1), decided.is_(None))
    bucket = sa.case((outside, whole(UNSCORED)), else_=score_bucket(score))
    # Of several classes calibration alone reads them: a slice's suffice, and the ledger of ten is five times smaller.
    return slice_bucket(bucket) if task.kind is TaskKind.MULTICLASS else bucket


def predicted_rows(
    columns: LedgerColumns, *, label: str = "", timeless: bool = False, keyed: bool = False
) -> sa.Subquery:
    """One row per prediction: its day, keys, slices, version, stratum, decided class, score bucket (and label).

    In two steps, so that no expression is planned as often as it is used.
    """
    p, days = predictions_table(columns, *([label] if label else [])), days_table()
    read = [days.c.day, days.c.stale, *_read(columns, p, keyed)]
    if label:
        read.append(label_value(columns, p.c[label]).label("label"))
    tables = p.join(days, sa.true() if timeless else in_days(p, columns.dataset.event_time, days))
    return _decided(columns, sa.select(*read).select_from(tables).subquery("read"))


def window_rows(columns: LedgerColumns) -> sa.Subquery:
    """The same of every prediction in [:start, :end), with its `moment` instead of its day."""
    p = predictions_table(columns)
    moment = p.c[columns.dataset.event_time]
    read = sa.select(moment.label("moment"), *_read(columns, p, keyed=True))
    return _decided(columns, read.where(in_window(p, columns.dataset.event_time)).subquery("read"))


def _read(columns: LedgerColumns, p: sa.TableClause, keyed: bool) -> list[Expression]:
    """What is read of a prediction besides its time."""
    version = sa.literal("", sa.String)
    keys = columns.predicted_keys(p) if keyed else []
    return [
        *(key.label(f"k{i}") for i, key in enumerate(keys)),
        *(category(p.c[s.column], s).label(f"s{i}") for i, s in enumerate(columns.slices)),
        (sa.func.coalesce(text(p.c[columns.version]), version) if columns.version else version).label("version"),
        strata.code(p, columns.strata).label("stratum"),
        *(feature_query.values(columns, p) if columns.features else _said(columns, p)),
    ]


def _said(columns: LedgerColumns, p: sa.TableClause) -> list[Expression]:
    """What the model says of a row, and what columns of some roles do."""
    return [
        *_scored(columns, p),
        *(ranking_query.item(columns, p) if columns.is_ranking else []),
        *(column_value(columns, p.c[column.name], column).label(name) for name, column in columns.besides.items()),
    ]


def _decided(columns: LedgerColumns, read: sa.Subquery) -> sa.Subquery:
    """What was read, with the decided class as a number and the score's bucket."""
    if columns.features:
        return sa.select(read, whole(0).label("prediction"), whole(NO_PERCENTAGE).label("bucket")).subquery(
            "predictions"
        )
    if columns.task.kind is TaskKind.MULTILABEL:
        return multilabel_query.predicted(columns, read)
    if columns.task.kind is TaskKind.MULTICLASS:
        read = class_query.classified(columns, read)
    return sa.select(
        *(column for column in read.c if column.name != "decided"),
        sa.func.coalesce(read.c.decided, whole(0)).label("prediction"),
        _bucket(columns, read.c.score, read.c.decided).label("bucket"),
    ).subquery("predictions")


def losses(task: Task, score: Expression, label: Expression) -> dict[str, Expression]:
    """What a labelled prediction is worth."""
    if task.kind is TaskKind.REGRESSION:
        return {"error": score - label, "truth": label}
    return {"score": score, "log_loss": log_loss(score, label), "gap": score - label}


def entry_sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """What is summed over an entry's rows, as `sums_of` names them; of features as they do."""
    if columns.features:
        return feature_query.moment_sums(columns, rows)
    return {**row_sums(columns, rows), **column_sums(columns, rows), **_state(columns, rows)}


def _state(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """See sums.EXACT: of all that sums read of a row, but its keys. Nothing of rows that no metric sees."""
    kind = columns.task.kind
    if kind is TaskKind.MULTICLASS:
        read = class_query.read_of(columns, rows)
    else:
        read = [rows.c[name] for name in _READ.get(kind, ())]
    read += [rows.c[name] for name in columns.besides]
    if not read:
        return {}
    is_seen = sa.and_(rows.c.bucket != whole(UNSCORED), rows.c.label != whole(CENSORED))
    return {"state": part_where(is_seen, hashed(*read))}


def row_sums(columns: LedgerColumns, rows: sa.FromClause) -> dict[str, Expression]:
    """What a task sums over an entry's rows, besides what columns of some roles add."""
    task = columns.task
    if task.kind is TaskKind.MULTILABEL:
        return {name: rows.c[name] for name in SUMS[task.kind]}
    if task.kind is TaskKind.MULTICLASS:
        return class_query.class_sums(columns, rows)
    if columns.is_ranking:
        return ranking_query.query_sums(task, rows)
    if task.kind is TaskKind.REGRESSION:
        return error_sums(rows.c.error, rows.c.truth)
    loss, gap = rows.c.log_loss, rows.c.gap
    found = {"score": rows.c.score, "log_loss": loss, "log_loss2": loss * loss, "brier": gap * gap}
    reached = {at_least(t): one_where(rows.c.score >= number(t)) for t in task.thresholds}
    return {**found, "brier2": gap * gap * gap * gap, **reached}


def label_entries(columns: LedgerColumns, labels: LabelSource) -> sa.SelectBase:
    """Entries of labels: of stale days everything known up to :upto, of the others what became known after :since.

    A source that does not say when its labels became known has nothing to add to a day that is not stale.
    Columns: day, known (index into `known`), s0 …, version, stratum, label, prediction, bucket, count and sums; part of
    multilabel entries, 0 for the rows.
    """
    p = predicted_rows(columns, keyed=True)
    if columns.is_ranking:
        worth = ranking_query.known_queries(columns, p, labels).subquery("rows")
        return _grouped(columns, worth, _keys(columns), worth.c.sign)
    e = events(columns, labels)
    known = source("known", "after", "upto", name="known")
    named = [*(f"k{i}" for i in range(len(labels.key))), *(["day"] if "day" in e.c else [])]
    tables = p.join(e, sa.and_(*(p.c[name] == e.c[name] for name in named)))
    when: Expression = whole(0)
    fresh: Expression = p.c.stale
    if labels.label_time:
        tables = tables.join(known, sa.and_(e.c.moment > known.c.after, e.c.moment <= known.c.upto))
        when = known.c.known
        fresh = sa.or_(p.c.stale, e.c.moment > sa.bindparam("since"))
    found = sa.select(*_row(columns, p, e.c.label), when.label("known"), e.c.sign).select_from(tables).where(fresh)
    rows = _named(columns, found)
    return _grouped(columns, rows, _keys(columns), rows.c.sign)


def reference_entries(columns: LedgerColumns, label: str, timeless: bool) -> sa.SelectBase:
    """Entries of labels that stand in the rows themselves; columns as label_entries. timeless: whatever the day."""
    p = predicted_rows(columns, label=label, timeless=timeless)
    if columns.is_ranking:
        worth = ranking_query.reference_queries(columns, p).subquery("rows")
        return _grouped(columns, worth, _keys(columns), whole(1))
    row = [*_row(columns, p, p.c.label), whole(0).label("known"), whole(1).label("sign")]
    rows = _named(columns, sa.select(*row).where(p.c.label.is_not(None)))
    return _grouped(columns, rows, _keys(columns), rows.c.sign)


def _keys(columns: LedgerColumns) -> list[str]:
    return ["known", "label", "prediction", *(["part"] if columns.task.kind is TaskKind.MULTILABEL else [])]


def _named(columns: LedgerColumns, rows: sa.Select[Any]) -> sa.FromClause:
    if columns.task.kind is TaskKind.MULTILABEL:
        return multilabel_query.parts(columns, rows)
    named = rows.subquery("rows")
    if columns.task.kind is TaskKind.BINARY or columns.features:
        return named
    return held(by_error(columns, named) if columns.task.kind is TaskKind.REGRESSION else rows)


def _row(columns: LedgerColumns, p: sa.Subquery, label: Expression) -> list[Any]:
    """A labelled prediction: what it is grouped by, and what is summed; nothing without a score."""
    slices = (f"s{i}" for i in range(len(columns.slices)))
    shared = [p.c[name] for name in ("day", "version", "stratum", "prediction", "bucket", *slices, *columns.besides)]
    if columns.features:
        features = [p.c[f"x{i}"] for i in range(len(columns.features))]
        return [*shared, *features, *feature_query.label_row(columns, label)]
    if columns.task.kind is TaskKind.MULTILABEL:
        return [*shared, *multilabel_query.set_row(columns, p, label)]
    if columns.task.kind is TaskKind.MULTICLASS:
        parts = class_query.class_row(columns, p, label)
        return [*shared, label.label("label"), *(part.label(name) for name, part in parts.items())]
    worth = losses(columns.task, p.c.score, sa.cast(label, sa.Double))
    counts = p.c.bucket >= whole(0)
    if columns.task.kind is TaskKind.BINARY:
        counts = sa.and_(counts, label != whole(CENSORED))
    return [
        *shared,
        (label if columns.task.kind is TaskKind.BINARY else whole(0)).label("label"),
        *(part_where(counts, part).label(name) for name, part in worth.items()),
    ]


def prediction_entries(columns: LedgerColumns, timeless: bool = False) -> sa.SelectBase:
    """Entries that count the predictions of stale days (of a ranking the queries).

    Columns as label_entries, without known, label and sums.
    """
    p = predicted_rows(columns, timeless=timeless)
    found = ranking_query.queries(columns, p) if columns.is_ranking else sa.select(p).where(p.c.stale)
    rows = found.subquery("rows")
    return _grouped(columns, rows, ["prediction"], whole(1))


def _grouped(columns: LedgerColumns, rows: sa.FromClause, keys: list[str], sign: Expression) -> sa.SelectBase:
    """Signed counts and sums by day, version, stratum, keys and bucket; of the whole, and coarser of every slice."""
    shared = [rows.c[name] for name in ("day", "version", "stratum", *keys)]
    slices = [rows.c[f"s{i}"] for i in range(len(columns.slices))]
    is_coarse = columns.task.kind is not TaskKind.BINARY
    coarse = [rows.c.bucket if is_coarse else slice_bucket(rows.c.bucket)] if slices else []
    sums = entry_sums(columns, rows) if "label" in keys else {}
    return sa.select(
        *shared,
        rows.c.bucket,
        *(c.label("coarse") for c in coarse),
        *slices,
        sa.cast(sa.func.sum(sign), sa.BigInteger).label("count"),
        *(sa.func.sum(sign * part).label(name) for name, part in sums.items()),
    ).group_by(*sets([*shared, rows.c.bucket], slices, [*shared, *coarse]))
