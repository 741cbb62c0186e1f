"""Views → rows: every metric asked for, in every slice and column that it fits. Reads and stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Final, TypeVar

from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.measurement import Estimate, Family, Measurement, Status, attempt, base_of
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Metric, Subject, metrics
from airflow_ml_monitor.metrics.names import ALWAYS, REPLAY_COVERAGE, REPLAY_DIFFERENCE, Need, need_of
from airflow_ml_monitor.metrics.weighted import weighted
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.policy.chart import SHIFT
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset, Kind, Role
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.profile.label_feed_view import LabelFeedView
from airflow_ml_monitor.profile.labelled_view import LabelledPair, LabelledView
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.score_view import ScoreView
from airflow_ml_monitor.profile.skew import Skew, SkewedColumn
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.profile.views import ColumnView, DatasetPair, DatasetView, PairView

T = TypeVar("T")


def _chosen(family: Family, subject: Subject, names: tuple[str, ...]) -> list[Metric]:
    """The metrics of a family and subject that the spec asks for; all if it names none."""
    every = (m for m in metrics().values() if m.family is family and m.subject is subject)
    return [m for m in every if not names or m.name in names or m.name in ALWAYS]


def kept_of(layout: Layout, *profiles: Profile) -> frozenset[Need]:
    """What a dataset's field asks to keep beside cells, and one of some profiles has."""
    traces = [profile.traces for profile in profiles]
    together = layout.ellipsoid is not None or any(of.products is not None for of in traces)
    found = {Need.SAMPLE: any(of.sample is not None for of in traces), Need.SECOND_MOMENTS: together}
    return frozenset(need for need, is_there in found.items() if is_there)


def of_kept(chosen: Sequence[Metric], kept: frozenset[Need], names: tuple[str, ...] = ()) -> list[Metric]:
    """Metrics without those of what is not kept: it is not asked for. Of one that is, it is said that there is none."""
    left_out = frozenset((Need.SAMPLE, Need.SECOND_MOMENTS)) - kept
    return [m for m in chosen if need_of(m.name) not in left_out or m.name in names]


def column_rows(
    profile: Profile, layout: Layout, family: Family, names: tuple[str, ...] = (), reference: Profile | None = None
) -> list[Measurement]:
    """Metrics of one profile: of the dataset and of each column, whole and by slice.

    reference: what metrics that need one compare the whole with; None: the profile is the reference's own.
    """
    pair = partial(DatasetPair, layout, reference or profile, profile)
    kept = kept_of(layout, reference or profile, profile)
    rows = _rows(of_kept(_chosen(family, Subject.DATASET_PAIR, names), kept, names), pair, slice=WHOLE)
    of_dataset, of_column = (_chosen(family, subject, names) for subject in (Subject.DATASET, Subject.COLUMN))
    for slice in profile.slices:
        rows += _rows(of_dataset, partial(DatasetView, profile, slice), slice=slice)
        for binning in layout.binnings:
            fitting = [m for m in of_column if not m.kinds or binning.kind in m.kinds]
            view = partial(ColumnView.of, profile, layout, binning.column, slice)
            rows += _rows(fitting, view, column=binning.column, slice=slice)
    return rows


def score_rows(
    profile: Profile, layout: Layout, dataset: Dataset, task: Task, names: tuple[str, ...] = ()
) -> list[Measurement]:
    """Metrics of the scores that need the task beside them, whole and by slice; none where a score is no number."""
    chosen = [m for m in _chosen(Family.QUALITY, Subject.SCORE_COLUMN, names) if task.kind in m.tasks]
    scores = [c.name for c in dataset.columns if c.role is Role.SCORE and layout[c.name].kind is Kind.NUMERIC]
    rows = []
    for slice in profile.slices if chosen else ():
        for name in scores:

            def view(name: str = name, slice: Slice = slice) -> ScoreView:
                return ScoreView(ColumnView.of(profile, layout, name, slice), task)

            rows += _rows(chosen, view, column=name, slice=slice)
    return rows


def pair_rows(reference: Profile, current: Profile, layout: Layout, names: tuple[str, ...] = ()) -> list[Measurement]:
    """Metrics of the reference and now: of columns together; of each, whole and by slice, what charts look at whole
    only."""
    together = of_kept(_chosen(Family.DRIFT, Subject.DATASET_PAIR, names), kept_of(layout, reference, current), names)
    rows = _rows(together, partial(DatasetPair, layout, reference, current), slice=WHOLE)
    chosen = _chosen(Family.DRIFT, Subject.PAIR, names)
    for slice in current.slices:
        for binning in layout.binnings:

            def pair(column: str = binning.column, slice: Slice = slice) -> PairView:
                before, now = (ColumnView.of(profile, layout, column, slice) for profile in (reference, current))
                return PairView(before, now)

            fitting = [m for m in chosen if (not m.kinds or binning.kind in m.kinds) and (m.name != SHIFT or not slice)]
            rows += _rows(fitting, pair, column=binning.column, slice=slice)
    return rows


def fault_rows(view: FeedView) -> list[Measurement]:
    """Every named fault of a feed: a row for each column or detail that has it, else one of 0.

    A column has the fault that explains the others.
    """
    of_feed = (Subject.FEED, Subject.FEED_COLUMN, Subject.LOST_COLUMN)
    # Where the field was turned off later, the reference still has them.
    there = kept_of(view.layout, view.reference) if view.dataset.second_moments else frozenset()
    every = of_kept([m for m in metrics().values() if m.subject in of_feed], there)
    found = {m.name: _found(m, view) for m in every}
    named = {(row.metric, row.column) for rows in found.values() for row in rows if row.status is Status.OK}
    rows = []
    for m in every:
        kept = [row for row in found[m.name] if not any((other, row.column) in named for other in m.yields_to)]
        rows += kept or [_not_found(m, view.rows)]
    return rows


def _found(m: Metric, view: FeedView) -> list[Measurement]:
    """One fault, of the feed or of every column that it fits."""
    if m.subject is Subject.FEED:
        return attempt(m.name, partial(m.function, view))
    columns = view.lost if m.subject is Subject.LOST_COLUMN else view.columns
    fitting = [column for column in columns if not m.kinds or column.kind in m.kinds]
    found = [row for c in fitting for row in attempt(m.name, partial(m.function, c), column=c.name)]
    # That a column has too few values to tell is not said column by column.
    return [row for row in found if row.status in (Status.OK, Status.FAILED)]


def _not_found(m: Metric, n: int) -> Measurement:
    """A named fault that was looked for in so many rows; in none it was not."""
    if not n:
        return Measurement(m.name, Status.TOO_FEW, None, "no rows")
    return Measurement(m.name, Status.OK, Estimate(0.0, n))


def label_fault_rows(task: Task, pair: LabelledPair) -> list[Measurement]:
    """Every named fault of labels: a row where it is found, else one of 0."""
    rows = []
    for m in _of_pairs(Family.FAULT, task):
        found = attempt(m.name, partial(m.function, pair))
        rows += found or [_not_found(m, pair.current.n)]
    return rows


def label_drift_rows(
    task: Task, dataset: Dataset, pairs: Mapping[Slice, LabelledPair], names: tuple[str, ...] = ()
) -> list[Measurement]:
    """How far labels are from the reference's, whole and by slice; and what features tell of them, whole."""
    return [
        row
        for m, slice in _drifting(task, dataset, pairs, names)
        for row in attempt(m.name, partial(m.function, pairs[slice]), slice=slice)
    ]


def label_drift_untold(
    task: Task, dataset: Dataset, slices: Iterable[Slice], names: tuple[str, ...], status: Status, reason: str
) -> list[Measurement]:
    """The same where it cannot be told, or not yet."""
    told = _drifting(task, dataset, slices, names)
    return [Measurement(m.name, status, None, reason, slice=slice) for m, slice in told]


def _drifting(
    task: Task, dataset: Dataset, slices: Iterable[Slice], names: tuple[str, ...]
) -> list[tuple[Metric, Slice]]:
    """What is looked at: labels of every slice, what features tell of them of the whole alone."""
    of_labels = _of_pairs(Family.PERFORMANCE, task, names)
    of_features = _of_pairs(Family.PERFORMANCE, task, names, Subject.LABELLED_FEATURES)
    whole = [(m, WHOLE) for m in of_features if _is_asked(m, task, dataset)]
    return [(m, slice) for m in of_labels for slice in slices] + whole


def _is_asked(m: Metric, task: Task, dataset: Dataset) -> bool:
    """True if the spec declares what a metric needs."""
    need = need_of(m.name)
    return need is None or need.is_met(task, dataset)


def _of_pairs(
    family: Family, task: Task, names: tuple[str, ...] = (), subject: Subject = Subject.LABELLED_PAIR
) -> list[Metric]:
    every = (m for m in metrics().values() if m.family is family and m.subject is subject)
    return [m for m in every if task.kind in m.tasks and (not names or m.name in names)]


def label_feed_rows(view: LabelFeedView) -> list[Measurement]:
    """Every named fault of a label source: a row where it is found, else one of 0, or why it cannot be told."""
    rows = []
    for m in metrics().values():
        if m.subject is Subject.LABEL_FEED:
            found = attempt(m.name, partial(m.function, view))
            rows += found or [_not_found(m, view.labelled)]
    return rows


def skew_rows(skew: Skew, columns: Sequence[str]) -> list[Measurement]:
    """How a window's rows differ from their replay, by column; the named fault: a row for each column that has it,
    else one of 0, or why it cannot be told."""
    rows = [_covered(skew)]
    for name in columns:
        if skew.joined and name in skew.differing:
            differing = skew.differing[name]
            estimate = Estimate(differing / skew.joined, skew.joined, *interval.share(differing, skew.joined))
            rows.append(Measurement(REPLAY_DIFFERENCE, Status.OK, estimate, column=name))
    for m in (m for m in metrics().values() if m.subject is Subject.SKEWED_COLUMN):
        asked = [name for name in columns if name in skew.differing or name in skew.faults or not skew.joined]
        found = [row for c in asked for row in attempt(m.name, partial(m.function, SkewedColumn(skew, c)), column=c)]
        told = [row for row in found if row.status in (Status.OK, Status.FAILED)]
        few = [replace(row, column="") for row in found if row.status is Status.TOO_FEW]
        rows += told or few[:1] or [Measurement(m.name, Status.OK, Estimate(0.0, skew.joined))]
    return rows


def _covered(skew: Skew) -> Measurement:
    if not skew.rows:
        return Measurement(REPLAY_COVERAGE, Status.TOO_FEW, None, "no rows, or no replay yet")
    several = f"{skew.repeated} rows have a key that stands in the replay more than once" if skew.repeated else ""
    estimate = Estimate(skew.coverage, skew.rows, *interval.share(skew.joined, skew.rows))
    return Measurement(REPLAY_COVERAGE, Status.OK, estimate, several)


def _rows(chosen: Sequence[Metric], view: Callable[[], T], *, column: str = "", slice: Slice) -> list[Measurement]:
    """Each metric of one view, which is made once: what several metrics share is computed once."""
    made = cache(view)
    rows = []
    for m in chosen:
        rows += attempt(m.name, lambda m=m: m.function(made()), column=column, slice=slice)  # type: ignore[misc]
    return rows


def labelled_metrics(task: Task, dataset: Dataset, names: tuple[str, ...] = ()) -> list[Metric]:
    """The metrics of labelled rows that a task and its dataset have, and the spec asks for; weighted, with weights."""
    every = [m for m in metrics().values() if m.subject is Subject.LABELLED and task.kind in m.tasks]
    if task.kind is TaskKind.BINARY:
        every += [weighted(m) for m in every if m.formula is not None]
    return [m.of(task) for m in every if _is_asked(m, task, dataset) and (not names or m.name in names)]


EARLY: Final = (
    *("roc_auc", "accuracy", "precision", "recall", "f1", "brier", "label_rate", "profit"),
    *("mae", "rmse", "bias"),
    *("ndcg", "mean_average_precision", "mean_reciprocal_rank", "hit_rate"),
)
"""Given before all labels are in, besides those that rules name, where the spec does not say what is measured: every
window that is waiting is measured anew whenever a label of it comes."""


def early_metrics(spec: MonitorSpec, dataset: Dataset) -> list[Metric]:
    """Those of a dataset's labels that are given before all are in: as labels at hand, and as estimated."""
    ruled = {base_of(condition.metric) for *_, condition in spec.policy.conditions()}
    ruled |= {chart.metric for chart in spec.charts}
    every = labelled_metrics(spec.task, dataset, spec.measured)
    return [m for m in every if spec.measurements or m.name in ruled or m.name in EARLY]


def labelled_rows(views: Mapping[Slice, LabelledView], chosen: Sequence[Metric]) -> list[Measurement]:
    """Metrics of labelled rows, whole and by slice."""
    return [row for slice, view in views.items() for row in _rows(chosen, lambda view=view: view, slice=slice)]  # type: ignore[misc]
