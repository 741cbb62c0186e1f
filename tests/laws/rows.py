"""Raw rows → the views that metrics see, written anew in plain numpy: a second opinion on the engines' arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.profile.cells import Cells, Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.error_grid import CELLS, ERROR_EDGES
from airflow_ml_monitor.profile.feature_parts import feature_part
from airflow_ml_monitor.profile.kernel import kernel
from airflow_ml_monitor.profile.kernel.outlying import Moments, enclosing
from airflow_ml_monitor.profile.label_sets import STATES, class_part
from airflow_ml_monitor.profile.labelled_view import LabelledPair, LabelledView
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, SLICE_SCORE_JOIN, Binning, Layout
from airflow_ml_monitor.profile.ledger import SCORELESS
from airflow_ml_monitor.profile.row_sample import FINE, MISSING, RowSample
from airflow_ml_monitor.profile.score_view import ScoreView
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.views import ColumnView, DatasetPair, DatasetView, PairView

DAY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def grid(reference: Any, resolution: int = 512) -> Binning:
    """A grid about the reference's mean."""
    x = np.asarray(reference, float)
    x = x[np.isfinite(x)]
    return Binning("x", Kind.NUMERIC, float(x.mean()), float(x.std()) or 1.0, resolution)


def few(*values: float) -> Binning:
    """A bucket per value."""
    return Binning("x", Kind.NUMERIC, float(np.mean(values)), 1.0, values=values)


def named(*categories: str) -> Binning:
    """A bucket per category."""
    return Binning("x", Kind.CATEGORICAL, categories=categories)


def _numeric_buckets(x: np.ndarray, binning: Binning) -> np.ndarray:
    d = x - binning.centre
    finite = np.isfinite(x)
    bucket = np.full(len(x), OTHER, np.int64)
    if binning.values:
        for i, value in enumerate(binning.values):
            bucket[x == value] = i
    else:
        safe = np.where(finite, d, 0.0)
        bucket[finite] = np.floor(binning.resolution * (safe / (binning.scale + np.abs(safe))))[finite]
    bucket[np.isnan(x)], bucket[x == np.inf], bucket[x == -np.inf] = NAN, PLUS_INF, MINUS_INF
    return bucket


def cells(values: Any, binning: Binning, nulls: int = 0) -> Cells:
    """The cells of a column; `nulls` rows of NULL beside the values."""
    if binning.kind is Kind.CATEGORICAL:
        place = {name: i for i, name in enumerate(binning.categories)}
        bucket = np.array([place.get(v, OTHER) for v in values] + [NULL] * nulls, np.int64)
        x = np.full(len(bucket), np.nan)
    else:
        x = np.concatenate([np.asarray(values, float), np.full(nulls, np.nan)])
        bucket = _numeric_buckets(x, binning)
        bucket[len(x) - nulls :] = NULL
    order = np.argsort(bucket, kind="stable")
    names, first, count = np.unique(bucket[order], return_index=True, return_counts=True)
    if not len(names):
        return Cells.empty()
    x = x[order]
    d = np.where(np.isfinite(x), x - binning.centre, 0.0)
    y = np.where(np.isfinite(x), x, np.nan)
    return Cells(
        names,
        count,
        np.add.reduceat(d, first),
        np.add.reduceat(d * d, first),
        np.fmin.reduceat(y, first),
        np.fmax.reduceat(y, first),
    )


def column(values: Any, binning: Binning | None = None, nulls: int = 0) -> ColumnView:
    """A column's view; cut by a grid about itself unless told otherwise."""
    binning = binning or grid(values)
    return ColumnView(binning, cells(values, binning, nulls))


def pair(reference: Any, current: Any, binning: Binning | None = None) -> PairView:
    """Both sides cut by the reference."""
    binning = binning or grid(reference)
    return PairView(column(reference, binning), column(current, binning))


def scores(values: Any, task: Task | None = None, binning: Binning | None = None, nulls: int = 0) -> ScoreView:
    """A score column's view, cut by a grid about itself unless told otherwise; of a binary task."""
    return ScoreView(column(values, binning, nulls), task or Task(TaskKind.BINARY))


def label_pair(reference: LabelledView, current: LabelledView) -> LabelledPair:
    """The labels of the reference and of a window."""
    return LabelledPair(reference, current)


def data(
    rows: int,
    *,
    slice: Slice = WHOLE,
    duplicates: int = 0,
    newest: datetime | None = None,
    versions: Mapping[str, int] | None = None,
) -> DatasetView:
    """A day's dataset without columns."""
    profile = Profile("d", DAY, "", {slice: rows, WHOLE: rows}, {}, duplicates, newest, versions or {})
    return DatasetView(profile, slice)


def outlying(reference: Mapping[int, int], current: Mapping[int, int], shape: Ellipsoid | None) -> DatasetPair:
    """Rows of both sides by bucket of their distance from a shape."""
    of_reference, now = (Profile("d", DAY, "", {}, {}, traces=Traces(distances=d)) for d in (reference, current))
    return DatasetPair(Layout((), (), shape), of_reference, now)


def together(reference: Any, current: Any) -> DatasetPair:
    """Rows of both sides, k × rows, NaN where a value is missing; each column's centre is 0, its scale 1."""
    before, now = (np.asarray(side, float) for side in (reference, current))
    binnings = tuple(Binning(f"x{i}", Kind.NUMERIC) for i in range(len(before)))
    u = [side / (1 + np.abs(side)) for side in (before, now)]
    shape = enclosing(binnings, Moments.of(u[0]), before.shape[1])
    profiles = [
        Profile("d", DAY, "", {WHOLE: side.shape[1]}, {}, traces=kernel.row_traces(binnings, side, shape)) for side in u
    ]
    return DatasetPair(Layout(binnings, (), shape), *profiles)


def sampled(reference: Any, current: Any, categories: Any = ((), ())) -> DatasetPair:
    """The same, whose profiles keep all their rows. categories: codes of either side, k × rows, of columns besides."""
    pair, sides = together(reference, current), []
    names = [f"c{i}" for i in range(len(categories[0]))]
    for profile, values, codes in zip((pair.reference, pair.current), (reference, current), categories, strict=True):
        x = np.asarray(values, float)
        u = np.nan_to_num(np.rint(FINE * x / (1 + np.abs(x))), nan=MISSING)
        coded = np.concatenate([u, np.asarray(codes, float).reshape(len(names), x.shape[1])]).T
        columns = [*(binning.column for binning in pair.layout.binnings), *names]
        sample = RowSample.lowest(columns, x.shape[1], np.arange(x.shape[1]), coded)
        sides.append(replace(profile, traces=replace(profile.traces, sample=sample)))
    besides = tuple(Binning(name, Kind.CATEGORICAL) for name in names)
    return DatasetPair(replace(pair.layout, binnings=(*pair.layout.binnings, *besides)), *sides)


def _ledger(key: np.ndarray, sums: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    names, where, count = np.unique(key, return_inverse=True, return_counts=True)
    return names, count, {name: np.bincount(where, part, len(names)) for name, part in sums.items()}


SCORE_EDGES = 0.5 * (np.arange(2049) / 2048) ** 4
"""Where the buckets of scores up to 0.5 begin; those above are their mirror image."""


def score_bucket(score: np.ndarray) -> np.ndarray:
    """The bucket of 4,096 that a score falls into."""
    rank = np.searchsorted(SCORE_EDGES, np.minimum(score, 1 - score), side="right") - 1
    return np.where(score <= 0.5, rank, 4095 - rank)


def labelled(
    label: Any,
    score: Any,
    threshold: float = 0.5,
    *,
    amount: Any = None,
    weight: Any = None,
    baseline: Any = None,
    **task: Any,
) -> LabelledView:
    """A binary model's ledger; with amounts, weights and the scores of something simpler (missing ones NaN), and what
    else its task declares."""
    y, s = np.asarray(label, np.int64), np.asarray(score, float)
    p = np.clip(s, 1e-15, 1 - 1e-15)
    loss = np.where(y == 1, -np.log(p), -np.log1p(-p))
    gap = (s - y) ** 2
    sums = {"score": s, "log_loss": loss, "log_loss2": loss**2, "brier": gap, "brier2": gap**2}
    declared = Task(TaskKind.BINARY, threshold=threshold, **task)
    sums |= {f"score_at_least_{t}": (s >= t).astype(float) for t in declared.thresholds}
    if amount is not None:
        a = np.asarray(amount, float)
        known = np.nan_to_num(a, posinf=0, neginf=0)
        sums |= {"amount_rows": np.isfinite(a).astype(float), "amount": known}
        sums |= {"amount2": known**2, "amount3": known**3}
    if weight is not None:
        w = np.maximum(np.nan_to_num(np.asarray(weight, float), posinf=0), 0)
        sums |= {"weight_rows": (w > 0).astype(float), "weight": w, "weight2": w**2}
    key = (score_bucket(s) * 2 + y) * 2 + (s >= threshold)
    if baseline is not None:
        sums |= _score_gains(y, np.asarray(baseline, float), threshold, {"brier": gap, "log_loss": loss})
    names, count, totals = _ledger(key, sums)
    return LabelledView(declared, names // 2 % 2, names % 2, names // 4, count, totals, len(y))


def _score_gains(
    y: np.ndarray, b: np.ndarray, threshold: float, ours: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    there = np.isfinite(b)
    clipped = np.clip(b, 1e-15, 1 - 1e-15)
    theirs = {"brier": (b - y) ** 2, "log_loss": np.where(y == 1, -np.log(clipped), -np.log1p(-clipped))}
    found = {"baseline_rows": there, "baseline_scored": there, "baseline_right": (b >= threshold) == y}
    for name, loss in theirs.items():
        gain = loss - ours[name]
        found |= {f"{name}_gain{k}": gain ** int(k or 1) for k in ("", "2", "3")}
        found |= {f"{name}_gain_up": np.maximum(gain, 0), f"{name}_gain_up2": np.maximum(gain, 0) ** 2}
    return {name: np.where(there, part, 0.0) for name, part in found.items()}


def counted(tp: int, fp: int, fn: int, tn: int) -> LabelledView:
    """A binary model's ledger of given confusion, scores 0.9 and 0.1."""
    label = [1] * tp + [0] * fp + [1] * fn + [0] * tn
    return labelled(label, [0.9] * (tp + fp) + [0.1] * (fn + tn))


def reached(tp: int, fp: int, fn: int, tn: int) -> LabelledView:
    """A binary model's ledger whose confusion is this one at threshold 0.3, and not at its own."""
    label = [1] * tp + [0] * fp + [1] * fn + [0] * tn
    score = [0.4] * (tp + fp) + [0.1] * (fn + tn)
    return labelled(label, score, 0.8, thresholds=(0.3,))


def error_bucket(label: np.ndarray, error: np.ndarray) -> np.ndarray:
    """The bucket of each row's percentage error; 0 where the label is."""
    share = np.divide(np.abs(error), np.abs(label), out=np.zeros(len(error)), where=label != 0)
    cell = np.searchsorted(ERROR_EDGES, share, side="left")
    return np.where(label == 0, 0, np.where(error < 0, CELLS - cell, CELLS + 1 + cell))


def regressed(
    label: Any,
    prediction: Any,
    baseline: Any = None,
    *,
    quantiles: Mapping[float, Any] | None = None,
    **task: Any,
) -> LabelledView:
    """A regression's ledger: counts by percentage error, all sums under bucket 0.

    baseline: what something simpler predicts, NaN where it does not. quantiles: forecasts by level; without any the
    prediction is the median, a unit on both sides the other deciles.
    """
    y, p = np.asarray(label, float), np.asarray(prediction, float)
    e, size = p - y, np.abs(y) + np.abs(p)
    sums = {"error": e, "error_abs": np.abs(e), "error2": e**2, "error3": e**3, "error4": e**4}
    sums |= {"truth": y, "truth2": y**2, "truth3": y**3, "truth4": y**4, "truth_abs": np.abs(y)}
    sums |= {"error_truth": e * y, "error_truth2": e * y**2, "error_truth3": e * y**3, "error2_truth": e**2 * y}
    sums |= {"error2_truth2": (e * y) ** 2, "error3_truth": e**3 * y, "error_truth_abs": np.abs(e * y)}
    shares = {
        "relative": np.divide(np.abs(e), np.abs(y), out=np.zeros(len(e)), where=y != 0),
        "symmetric": np.divide(2 * np.abs(e), size, out=np.zeros(len(e)), where=size > 0),
    }
    sums |= {f"{name}{k or ''}": x ** (k or 1) for name, x in shares.items() for k in (0, 2, 3)}
    sums["relative_rows"] = (y != 0).astype(float)
    if baseline is not None:
        sums |= _error_gains(np.asarray(baseline, float) - y, e)
    sums |= forecast_sums(y, quantiles or {0.1: p - 1, 0.5: p, 0.9: p + 1})
    bucket = np.append(error_bucket(y, e), 0)
    names, where = np.unique(bucket, return_inverse=True)
    count = np.bincount(where[:-1], minlength=len(names))
    totals = {name: np.where(names == 0, x.sum(), 0.0) for name, x in sums.items()}
    zero = np.zeros_like(names)
    return LabelledView(Task(TaskKind.REGRESSION, **task), zero, zero, names, count, totals, len(e))


def featured(label: Any, values: Any, kind: TaskKind = TaskKind.BINARY, classes: Sequence[str] = ()) -> LabelledView:
    """Labelled rows with features x0, x1 …: k × rows, NaN where a value is missing; centres 0, scales 1, of a
    regression's label too. The model's scores have no part in it."""
    y, x = np.asarray(label, float), np.asarray(values, float)
    u, v = x / (1 + np.abs(x)), y / (1 + np.abs(y))
    task = Task(kind, classes=tuple(classes))
    group = np.zeros(len(y), np.int64) if kind is TaskKind.REGRESSION else y.astype(np.int64)
    names, where = np.unique(group, return_inverse=True)
    zero = np.zeros_like(names)

    def by_label(part: np.ndarray) -> np.ndarray:
        return np.bincount(where, part, len(names))

    parts = {}
    for i, mine in enumerate(u):
        there = ~np.isnan(mine)
        powers = [(a, b) for a in range(5) for b in range(5 - a) if (a or b) and (kind is TaskKind.REGRESSION or not b)]
        sums = {
            "_".join(f"{n}{k if k > 1 else ''}" for n, k in (("u", a), ("v", b)) if k): by_label(
                np.where(there, np.nan_to_num(mine) ** a * v**b, 0.0)
            )
            for a, b in powers
        }
        count = np.rint(by_label(there.astype(float))).astype(np.int64)
        parts[feature_part(f"x{i}")] = LabelledView(task, names, zero, zero, count, sums, len(y))
    count = np.bincount(where, minlength=len(names))
    return LabelledView(task, names, zero, zero, count, {}, len(y), parts=parts)


def forecast_sums(y: np.ndarray, quantiles: Mapping[float, Any]) -> dict[str, np.ndarray]:
    """Row by row, of quantiles by ascending level; nothing where one is missing."""
    q = {level: np.asarray(x, float) for level, x in quantiles.items()}
    there = np.isfinite(np.stack(list(q.values()))).all(axis=0)
    losses = {level: np.maximum(level * (y - x), (level - 1) * (y - x)) for level, x in q.items()}
    found = {f"pinball@{level}": loss for level, loss in losses.items()}
    found |= {"pinball": np.mean(list(losses.values()), axis=0)}
    found |= {f"pinball_below@{level}": np.where(y <= q[level], loss, 0) for level, loss in losses.items()}
    levels = list(q)
    pairs = {(levels[0], levels[-1])} | {(a, b) for a in levels for b in levels if a < b and round(a + b, 9) == 1}
    plain = {f"below@{level}": y <= x for level, x in q.items()}
    for a, b in pairs - {(a, a) for a in levels}:
        found |= {f"width@{a}-{b}": q[b] - q[a]}
        found |= {f"winkler@{a}-{b}": q[b] - q[a] + np.maximum(q[a] - y, 0) / a + np.maximum(y - q[b], 0) / (1 - b)}
        plain |= {f"inside@{a}-{b}": (q[a] <= y) & (y <= q[b])}
        found |= {f"winkler_inside@{a}-{b}": np.where(plain[f"inside@{a}-{b}"], q[b] - q[a], 0)}
    for name, x in list(found.items()):
        stem, at, level = name.partition("@")
        plain |= {f"{stem}{k}{at}{level}": x**power for k, power in (("", 1), ("2", 2), ("3", 3))}
    return {"quantile_rows": there.astype(float), **{name: np.where(there, x, 0.0) for name, x in plain.items()}}


def _error_gains(b: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
    less, less2 = np.abs(b) - np.abs(e), b**2 - e**2
    found = {"baseline_rows": np.ones(len(e)), "baseline_error_abs": np.abs(b), "baseline_error2": b**2}
    found |= {"baseline_error4": b**4, "mae_gain": less, "mae_gain2": less**2, "mae_gain3": less**3}
    found |= {"mse_gain": less2, "mse_gain2": less2**2, "baseline_error2_mse_gain": b**2 * less2}
    return {name: np.where(np.isfinite(b), part, 0.0) for name, part in found.items()}


def classified(label: Any, scores: Any, prediction: Any = None, baseline: Any = None) -> LabelledView:
    """A multiclass model's ledger; label, prediction: a class's index, the one after the last for an undeclared class.

    scores: a row a prediction, a column a class, each row of sum 1. The prediction is the first of the highest unless
    given. baseline: another model's classes, below 0 where there is none.
    """
    y, p = np.asarray(label, np.int64), np.asarray(scores, float)
    size, rows = p.shape[1], np.arange(len(y))
    predicted = p.argmax(axis=1) if prediction is None else np.asarray(prediction, np.int64)
    score = np.column_stack([p, p.max(axis=1)])[rows, predicted]
    chance = np.column_stack([p, np.zeros(len(y))])[rows, y]
    loss = -np.log(np.maximum(chance, 1e-15))
    gap = ((p - np.eye(size + 1)[y, :size]) ** 2).sum(axis=1) + (y == size)
    best = np.argsort(-p, axis=1, kind="stable")
    sums = {"score": score, "log_loss": loss, "log_loss2": loss**2, "brier": gap, "brier2": gap**2}
    sums |= {f"in_top{k}": (best[:, :k] == y[:, None]).any(axis=1).astype(float) for k in (2, 3, 5)}
    sums |= _class_gains(y, baseline, size)
    names, count, totals = _ledger(_class_key(score_bucket(score) // SLICE_SCORE_JOIN, y, predicted), sums)
    return LabelledView(_classes(size), *_of_class_key(names), count, totals, len(y))


def decided(label: Any, prediction: Any, size: int, baseline: Any = None) -> LabelledView:
    """The ledger of a multiclass model whose scores are not kept; baseline: another's classes, below 0 without one."""
    y, predicted = np.asarray(label, np.int64), np.asarray(prediction, np.int64)
    sums = {name: np.zeros(len(y)) for name in SUMS[TaskKind.MULTICLASS] if name != "state"}
    sums |= _class_gains(y, baseline, size)
    names, count, totals = _ledger(_class_key(np.full(len(y), SCORELESS), y, predicted), sums)
    return LabelledView(_classes(size), *_of_class_key(names), count, totals, len(y))


def _class_gains(y: np.ndarray, baseline: Any, size: int) -> dict[str, np.ndarray]:
    if baseline is None:
        return {}
    other = np.asarray(baseline, np.int64)
    return {"baseline_rows": (other >= 0) * 1.0, "baseline_right": ((other == y) & (y < size)) * 1.0}


def tagged(
    label: Any, scores: Any = None, prediction: Any = None, threshold: float = 0.5, names: tuple[str, ...] = ()
) -> LabelledView:
    """A multilabel model's ledger; label, prediction: a row a prediction, a column a class, 1 where the row has it.

    Columns beyond those of the scores are of classes that are not declared. Without a prediction the scores decide.
    """
    y = np.asarray(label, np.int64)
    p = (np.asarray(scores) >= threshold).astype(np.int64) if prediction is None else np.asarray(prediction, np.int64)
    size = np.shape(p if scores is None else scores)[1]
    names = names or tuple(f"c{i}" for i in range(size))
    undeclared = [part[:, size:].any(axis=1).sum() for part in (y, p)]
    y, p = y[:, :size], p[:, :size]
    states = np.stack([y & p, y & (1 - p), p & (1 - y)], axis=2).reshape(len(y), 3 * size)
    pairs = np.triu(states.T @ states)
    one, other = pairs.nonzero()
    flat = np.zeros(len(one), np.int64)
    binary = Task(TaskKind.BINARY, threshold=threshold)
    parts = {STATES: LabelledView(binary, one, other, flat, pairs[one, other], {}, 0)} if len(one) else {}
    for i in range(size if scores is not None and len(y) else 0):
        score = np.asarray(scores, float)[:, i]
        key = _class_key(score_bucket(score) // SLICE_SCORE_JOIN, y[:, i], p[:, i])
        cells, count, totals = _ledger(key, {"score": score})
        parts[class_part(names[i])] = LabelledView(binary, *_of_class_key(cells), count, totals, 0)
    either, both = (y | p).sum(axis=1), (y & p).sum(axis=1)
    share = np.where(either == 0, 1.0, both / np.maximum(either, 1))
    sums = {"exact": (y == p).all(axis=1).sum(), "jaccard": share.sum(), "jaccard2": (share**2).sum()}
    sums |= {f"undeclared_{name}": rows for name, rows in zip(("label", "prediction"), undeclared, strict=True)}
    there = np.zeros(1 if len(y) else 0, np.int64)
    totals = {name: np.full(len(there), float(total)) for name, total in {"score": 0.0, **sums}.items()}
    task = Task(TaskKind.MULTILABEL, classes=names, threshold=threshold)
    return LabelledView(task, there, there, there, there + len(y), totals, len(y), parts=parts)


def _classes(size: int) -> Task:
    return Task(TaskKind.MULTICLASS, classes=tuple(f"c{i}" for i in range(size)))


def _class_key(bucket: np.ndarray, label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return (bucket * 128 + label) * 128 + prediction


def _of_class_key(key: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return key // 128 % 128, key % 128, key // 128**2


def ranked(queries: Any, at: Sequence[int] = (1, 5, 10)) -> LabelledView:
    """A ranking's ledger, of the labels of each query's items from the first on; shorter queries end in zeros."""
    width = max([*map(len, queries), *at])
    gain = np.array([np.pad(np.asarray(labels, float), (0, width - len(labels))) for labels in queries])
    gain = np.maximum(gain.reshape(-1, width), 0)
    hit, place = gain > 0, np.arange(1, width + 1)
    number, ideal = hit.sum(axis=1), -np.sort(-gain, axis=1)
    some = np.maximum(number, 1)
    sums = {"no_relevant": (number == 0).astype(float)}
    for k in at:
        among = hit & (place <= k)
        best = (ideal[:, :k] / np.log2(place[:k] + 1)).sum(axis=1)
        worth = {
            "ndcg": (gain[:, :k] / np.log2(place[:k] + 1)).sum(axis=1) / np.where(number, best, 1),
            "average_precision": (among * hit.cumsum(axis=1) / place).sum(axis=1) / np.minimum(some, k),
            "reciprocal_rank": (among / place).max(axis=1, initial=0),
            "recall": among.sum(axis=1) / some,
            "precision": among.sum(axis=1) / k,
        }
        sums |= {f"{name}{power or ''}_at_{k}": x ** (power or 1) for name, x in worth.items() for power in (0, 2, 3)}
        sums[f"hit_at_{k}"] = among.any(axis=1).astype(float)
    cells, count, totals = _ledger(np.zeros(len(gain), np.int64), sums)
    return LabelledView(Task(TaskKind.RANKING, at=tuple(at)), cells, cells, cells, count, totals, len(gain))


def merged(parts: Sequence[LabelledView]) -> LabelledView:
    """Ledgers added, key by key."""
    key = np.concatenate([_class_key(p.bucket, p.label, p.prediction) for p in parts])
    names, where = np.unique(key, return_inverse=True)
    count = np.bincount(where, np.concatenate([p.count for p in parts]), len(names)).astype(np.int64)
    sums = {
        name: np.bincount(where, np.concatenate([p.sums[name] for p in parts]), len(names)) for name in parts[0].sums
    }
    predictions = sum(p.predictions for p in parts)
    return LabelledView(parts[0].task, *_of_class_key(names), count, sums, predictions)
