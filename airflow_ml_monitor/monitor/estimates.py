"""What label-free estimators say of windows, and how right they were: stored beside performance, under their names."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import Immature, NoValue
from airflow_ml_monitor.estimation.estimator import Estimator, Need, Question, estimator_named, estimators
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.parts import by_slice, by_stratum
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.estimation.scoreboard import Score, Trial, scoreboard
from airflow_ml_monitor.estimation.values import value_of
from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.measurement import (
    FINAL,
    Estimate,
    Estimates,
    Family,
    HeadKey,
    Measurement,
    Status,
    attempt,
)
from airflow_ml_monitor.metrics.metric import Metric
from airflow_ml_monitor.monitor.label_ledger import Terms
from airflow_ml_monitor.monitor.measure import early_metrics
from airflow_ml_monitor.monitor.nowcasts import Nowcasts
from airflow_ml_monitor.monitor.proxies import proxy_rows
from airflow_ml_monitor.monitor.totals import uncompared
from airflow_ml_monitor.profile.layout import digest
from airflow_ml_monitor.profile.ledger import PREDICTED, Entries, columns_digest
from airflow_ml_monitor.profile.right_or_wrong import as_binary, right_or_wrong
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.store.records import REFERENCE_STAGE, Numbers, Recorded

WINDOWS: Final = 60
"""The newest final windows by which an estimator is believed."""
NOWCAST_WINDOWS: Final = 15
"""The same for the nowcast: each is looked up as it was known then."""
SAMPLE: Final = "prediction_powered"
"""The estimator of sampled labels."""
NOWCAST: Final = "two_stage"
"""The default's name on the scoreboard; what is compared is its value a quarter of the horizon after the window."""
NOWCAST_AT: Final = 0.25
"""Of the horizon: so long after its end a window's value is looked up as it was known then."""


@dataclass(frozen=True, slots=True)
class Board:
    """How right estimators were in the windows that are final at a moment, by estimator and metric.

    inputs: names what was compared.
    """

    scores: Mapping[tuple[str, str], Score]
    inputs: str = ""

    def muted(self, estimator: str, metric: str) -> str:
        """Why an estimator's value is not to be shown; '' if it is."""
        score = self.scores.get((estimator, metric))
        return score.muted if score else ""

    def rows(self) -> list[Measurement]:
        """Mean absolute error by estimator and metric; n: windows."""
        return [
            Measurement("scoreboard", Status.OK, _estimate(score), _words(score), parameters=f"{name}.{metric}")
            for (name, metric), score in sorted(self.scores.items())
        ]


def _estimate(score: Score) -> Estimate:
    return Estimate(score.mean_absolute_error, score.windows, noise=score.reference_mean_absolute_error)


def _words(score: Score) -> str:
    said = (
        f"mean error {score.mean_error:+.3g} in {score.windows} windows, {score.coverage:.0%} in the 95 % intervals; "
        f"the reference's value would have been off by {score.reference_mean_absolute_error:.3g}"
    )
    return f"{said}; muted: {score.muted}" if score.muted else said


@dataclass(frozen=True, slots=True)
class Asking:
    """One window of one model version, for estimators that use no label of it."""

    nowcasts: Nowcasts
    terms: Terms
    window: Window
    version: str | None
    head: HeadKey
    entries: Entries

    def numbers(self, board: Board, stored: str) -> Numbers | None:
        """What they say; None where that is stored already (its input digest) or there is nothing to say it from."""
        spec, reference, entries = self.terms.monitor.spec, self.terms.reference, self.entries
        early = early_metrics(spec, self.terms.dataset)
        metrics = [m for m in early if m.estimable(spec.task.kind) or not spec.task.is_right_or_wrong]
        chosen = [e for e in estimators().values() if Need.LABELS_AT_HAND not in e.needs and spec.task.kind in e.tasks]
        muted = [[e.name, m.name, bool(board.muted(e.name, m.name))] for e in chosen for m in metrics]
        inputs = [_named(entries), reference.digest, self.version, muted, [[e.name, e.version] for e in chosen]]
        run = replace(self.nowcasts.book.task.run, known_at=self.nowcasts.moment)
        made = self.terms.monitor.numbers(self.head, run, inputs, [])
        has_scores = spec.task.kind is not TaskKind.MULTICLASS or bool(self.terms.dataset.scores(spec.task))
        if reference.labels is None or not has_scores or made.revision.input_digest == stored:
            return None
        question = question_of(self.terms, entries, self.version)
        rows = [row for e in chosen for row in _said(e, question, metrics, board)]
        return replace(made, measurements=rows) if rows else None


def question_of(terms: Terms, entries: Entries, version: str | None) -> Question:
    """What an estimator may look at of a window; its parts are delay strata, else the first slice column's values."""
    task, sliced, reference = terms.monitor.spec.task, terms.dataset.slice_by, terms.reference.labels
    assert reference is not None  # who asks has looked
    reference, entries, task = right_or_wrong(reference, task), right_or_wrong(entries, task), as_binary(task)
    parts = by_stratum(task, reference, entries, WHOLE, version)
    if len(parts) < 2 and sliced:
        parts = by_slice(task, reference, entries, sliced[0], version)
    labels, window = entries.view(task, WHOLE, version), Predictions.of(entries, version=version)
    return Question(task, reference.view(task), window, labels, parts if len(parts) > 1 else ())


def of_sample(terms: Terms, entries: Entries, version: str | None, slice: Slice = WHOLE) -> Expected:
    """What the labels at hand say of all rows, if they are a random sample; Immature where they cannot be one.

    Of slices nothing is said besides: there the labels at hand speak for themselves.
    """
    if slice != WHOLE:
        raise Immature("of slices the labels at hand tell")
    if terms.reference.labels is None:
        raise Immature("the reference was frozen without labels; freeze a new one")
    question, estimator = question_of(terms, entries, version), estimator_named(SAMPLE)
    if lacking := estimator.lacks(question):
        raise Immature(f"not estimated without {lacking}")
    if (found := estimator.check(question)).holds is False:
        raise Immature(f"not estimated: {found.reason}")
    answer = estimator.function(question)
    assert isinstance(answer, Expected)  # its own signature
    return answer


def _named(entries: Entries) -> str:
    """Names a window's predictions, whatever their labels."""
    predicted = entries.picked(entries.label == PREDICTED)
    used, place = np.unique(predicted.group, return_inverse=True)
    about = json.dumps([predicted.groups[i] for i in used])
    return columns_digest(about, place, predicted.prediction, predicted.bucket, predicted.count)


def _said(estimator: Estimator, question: Question, metrics: list[Metric], board: Board) -> list[Measurement]:
    """One estimator's rows; none where the question lacks what it needs."""
    if estimator.lacks(question):
        return []
    try:
        answer = estimator.function(question)
    except NoValue as none:
        return [Measurement(f"{estimator.name}.{m.name}", Status.UNDEFINED, None, none.reason) for m in metrics]
    n = question.predictions.n
    rows = []
    for m in metrics:
        name = f"{estimator.name}.{m.name}"
        if (value := _valued(answer, m, n)) is None:
            continue
        found = [replace(row, reason=row.reason or estimator.assumption) for row in attempt(name, value)]
        if why := board.muted(estimator.name, m.name):
            # The value is kept, and judged nowhere: by what it comes to the estimator may be heard again.
            found = [replace(row, status=Status.UNDEFINED, reason=f"muted: {why}") for row in found]
        rows += found
    return rows


def _valued(answer: Expected | Estimates, metric: Metric, n: int) -> Callable[[], Estimate] | None:
    """How the metric's estimate is made; None where the estimator does not speak of it."""
    if not isinstance(answer, Expected):
        found = answer.get(metric.name)
        return None if found is None else lambda: found
    if metric.formula is None:
        return None

    def work() -> Estimate:
        value = value_of(answer, metric)
        return Estimate(value.value, n, *value.final)

    return work


def board_of(nowcasts: Nowcasts, among: Collection[Window]) -> Board:
    """How right estimators were in windows that are final at the nowcasts' moment, as far as the store knew then."""
    task, moment = nowcasts.book.task, nowcasts.moment
    horizon = task.labels.horizon
    final = sorted(window for window in among if window.end + horizon <= moment)[-WINDOWS:]
    if not final:
        return Board({})
    spec = task.monitor.spec
    names = [m.name for m in early_metrics(spec, task.dataset)]
    first, last = final[0].start, final[-1].end
    realised = _stored(nowcasts, Family.PERFORMANCE, names, moment, (first, last))
    said = [f"{e}.{name}" for e in estimators() for name in names]
    found = _stored(nowcasts, Family.ESTIMATE, said, moment, (first, last))
    for window in final[-NOWCAST_WINDOWS:]:
        early = window.end + horizon * NOWCAST_AT
        asked = [f"{FINAL}.{name}" for name in names]
        found += _stored(nowcasts, Family.PERFORMANCE, asked, early, (window.start, window.end))
    references = _references(nowcasts, names)
    truth = {(r.head.window, r.head.model_version, r.measurement.metric): r for r in realised if r.is_final}
    trials = []
    for r in found:
        basis, _, metric = r.measurement.metric.partition(".")
        now = truth.get((r.head.window, r.head.model_version, metric))
        reference = references.get((r.head.reference, metric))
        trial = _trial(NOWCAST if basis == FINAL else basis, metric, r, now, reference)
        trials += [trial] if trial else []
    compared = {(str(r.head.window), r.head.model_version, r.head.family, r.number) for r in [*realised, *found]}
    return Board({(score.estimator, score.metric): score for score in scoreboard(trials)}, digest(sorted(compared)))


def estimates(nowcasts: Nowcasts, asked: Collection[Asking], among: Collection[Window]) -> tuple[list[Numbers], Board]:
    """What estimators say of windows at the nowcasts' moment, and the scoreboard that decides who is muted.

    among: the windows measured so far; those that are final tell how right estimators were.
    """
    task, board = nowcasts.book.task, board_of(nowcasts, among)
    store, stage, rule = task.monitor.store, task.monitor.spec.stage, str(task.run.rule)
    about = (task.monitor.key, Family.ESTIMATE)
    states = store.heads(*about, rule=rule, dataset=task.labels.name, stage=stage, as_of=nowcasts.moment)
    said = {state.head: state.input_digest for state in states}
    made = [one.numbers(board, said.get(one.head, "")) for one in asked]
    return [numbers for numbers in made if numbers is not None], board


def board_numbers(nowcasts: Nowcasts, board: Board, among: Collection[Window]) -> list[Numbers]:
    """The scoreboard, and what proxies are worth, as they stand at the nowcasts' moment, under the run's window.

    Nothing while both are empty. among: the windows measured so far.
    """
    task = nowcasts.book.task
    proxies, compared = proxy_rows(nowcasts, among)
    rows = [*board.rows(), *uncompared(task), *proxies]
    if not rows:
        return []
    head = HeadKey(Family.ESTIMATE, task.labels.name, str(task.run.rule), task.run.window, task.monitor.spec.stage)
    asked = [row.parameters for row in rows] if task.labels.are_totals else []
    return [task.monitor.numbers(head, task.run, [board.inputs, *asked, *compared], rows)]


def _trial(name: str, metric: str, said: Recorded, now: Recorded | None, reference: float | None) -> Trial | None:
    if now is None or now.measurement.estimate is None or said.measurement.estimate is None or reference is None:
        return None
    estimate = said.measurement.estimate
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return Trial(name, metric, estimate.value, low, high, now.measurement.estimate.value, reference)


def _stored(
    nowcasts: Nowcasts, family: Family, names: list[str], as_of: datetime, span: tuple[datetime, datetime]
) -> list[Recorded]:
    """Rows of the whole of one family and rule that were current at a moment."""
    task = nowcasts.book.task
    return [
        r
        for r in task.monitor.store.current(
            task.monitor.key,
            as_of=as_of,
            families=[family],
            dataset=task.labels.name,
            rule=str(task.run.rule),
            stage=task.monitor.spec.stage,
            metrics=set(names),
            start=span[0],
            end=span[1],
            whole=True,
        )
        if r.measurement.estimate is not None and not r.measurement.parameters
    ]


def _references(nowcasts: Nowcasts, names: list[str]) -> dict[tuple[str, str], float]:
    """(reference, metric) → the reference's own value."""
    monitor = nowcasts.book.task.monitor
    found = monitor.store.current(
        monitor.key, stage=REFERENCE_STAGE, families=[Family.PERFORMANCE], metrics=set(names), whole=True
    )
    return {
        (r.head.reference, r.measurement.metric): r.measurement.estimate.value
        for r in found
        if r.measurement.estimate is not None and not r.measurement.parameters
    }
