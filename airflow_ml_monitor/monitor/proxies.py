"""What each declared proxy has been worth: its correlation with the performance that windows came to, so far."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from airflow_ml_monitor.estimation.proxy import proxy_correlation
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, Measurement, Status, attempt
from airflow_ml_monitor.metrics.names import PROXY_CORRELATION
from airflow_ml_monitor.monitor.measure import early_metrics
from airflow_ml_monitor.monitor.nowcasts import Nowcasts
from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.store.records import Recorded

WINDOWS: Final = 180
"""The newest final windows that are compared: what a proxy is worth changes, too."""


def proxy_rows(nowcasts: Nowcasts, among: Collection[Window]) -> tuple[list[Measurement], list[Any]]:
    """Of each proxy and early metric, as known at the nowcasts' moment; and what names the numbers compared.

    column: the proxy's; parameters: the performance metric's name. A proxy's value in a window is its mean, which of a
    flag is a share, in whichever dataset of the monitor it is declared. among: the windows measured so far. Nothing
    without a proxy.
    """
    spec = nowcasts.book.task.monitor.spec
    proxies = [(d.name, c.name) for d in spec.datasets for c in d.columns if c.role is Role.PROXY]
    if not proxies:
        return [], []
    names = [metric.name for metric in early_metrics(spec, nowcasts.book.task.dataset)]
    horizon = nowcasts.book.task.labels.horizon
    final = sorted(window for window in among if window.end + horizon <= nowcasts.moment)[-WINDOWS:]
    realised = _realised(nowcasts, names, final)
    rows: list[Measurement] = []
    named: list[Any] = [proxies, names]
    for dataset, column in proxies:
        means = _means(nowcasts, dataset, column, final)
        for name in names:
            known = realised.get(name, {})
            windows = sorted(known.keys() & means.keys())
            pairs = [(means[window], known[window]) for window in windows]
            named.append([[str(w), of.number, now.number] for w, (of, now) in zip(windows, pairs, strict=True)])
            rows.append(_row(column, name, [(_value(of), _value(now)) for of, now in pairs]))
    return rows, named


def _row(column: str, metric: str, pairs: list[tuple[float, float]]) -> Measurement:
    said: list[str] = []

    def work() -> Estimate:
        found = proxy_correlation([x for x, _ in pairs], [y for _, y in pairs])
        said.append(f"over {len(pairs)} final windows, which tell as much as {found.independent:.0f} independent ones")
        return found.estimate

    [row] = attempt(PROXY_CORRELATION, work, column=column)
    return replace(row, parameters=metric, reason=row.reason or "".join(said))


def _value(r: Recorded) -> float:
    assert r.measurement.estimate is not None  # chosen so
    return r.measurement.estimate.value


def _realised(nowcasts: Nowcasts, names: list[str], windows: list[Window]) -> dict[str, dict[Window, Recorded]]:
    """{metric: {window: its value of all model versions together}} of the windows that are final."""
    found: dict[str, dict[Window, Recorded]] = {}
    # All versions together are of no version, and where there is one it stands alone: the first in order is right.
    values = _current(nowcasts, Family.PERFORMANCE, nowcasts.book.task.labels.name, names, windows)
    for r in sorted(values, key=lambda r: r.head.model_version):
        if r.is_final and not r.measurement.parameters:
            found.setdefault(r.measurement.metric, {}).setdefault(r.head.window, r)
    return found


def _means(nowcasts: Nowcasts, dataset: str, column: str, windows: list[Window]) -> dict[Window, Recorded]:
    found = _current(nowcasts, Family.QUALITY, dataset, ["mean"], windows)
    return {r.head.window: r for r in found if r.measurement.column == column}


def _current(
    nowcasts: Nowcasts, family: Family, dataset: str, names: list[str], windows: list[Window]
) -> list[Recorded]:
    """The whole's values in some windows, as known at the moment, by the run's window rule."""
    if not windows:
        return []
    task = nowcasts.book.task
    spec = task.monitor.spec
    found = task.monitor.store.current(
        task.monitor.key,
        as_of=nowcasts.moment,
        families=[family],
        dataset=dataset,
        rule=str(task.run.rule),
        stage=spec.stage,
        metrics=set(names),
        start=windows[0].start,
        end=windows[-1].end,
        whole=True,
    )
    return [r for r in found if r.measurement.status is Status.OK and r.measurement.estimate is not None]
