"""Figures for notebooks: the page's pictures, drawn from a history frame or from the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.report.svg import drawing
from airflow_ml_monitor.store.opening import opened_store

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from airflow_ml_monitor.profile.views import PairView
    from airflow_ml_monitor.report.scope import Scope
    from airflow_ml_monitor.store.repository import MetricsStore

Drawn = tuple[str, Callable[["Axes"], None]]
"""A title, and what draws the picture."""

PICTURES: Final = ("labels", "scores")
"""What can be drawn of a monitor besides a column: how labels arrive; the scores of either label."""

WIDTH, HEIGHT = 480, 280
"""Pixels of one picture."""


def plot(
    thing: pandas.DataFrame | PairView | str,
    *,
    column: str = "",
    picture: str = "",
    day: date | str | None = None,
    dataset: str = "",
    url: str | MetricsStore | None = None,
) -> Figure:
    """A Matplotlib figure of a history frame, of a pair of profiles, or of a monitor.

    A frame of `history`: one metric of several columns is a heat map (column × window, of the whole where it is there),
    anything else lines, a picture a metric: one for each slice, parameter, version …, the whole first, eight at most
    (the title says so); up to three have their intervals, of more the first alone.
    A PairView: reference against current. A monitor ('namespace/name') and a column: the same, from stored profiles, of
    the last measured window or of a day. A monitor and picture='labels': the share of labels known by age; 'scores':
    scores by label of the window. url: the metrics database, or an open store; else that of ML_MONITOR_STORE.
    A notebook shows the figure as a cell's last value; `savefig` writes it.
    Errors: SpecError where there is nothing to draw, MonitorError without Matplotlib.
    """
    from airflow_ml_monitor.profile.views import PairView

    if isinstance(thing, str):
        with opened_store(url) as store:
            return _figure([_of_monitor(store, thing, column, picture, (day, dataset))])
    if isinstance(thing, PairView):
        from airflow_ml_monitor.report.figures.comparison import comparison, sides_of

        return _figure([(column or thing.reference.binning.column, partial(comparison, sides=sides_of(thing)))])
    from airflow_ml_monitor.report.frames import pictures_of

    return _figure(pictures_of(thing))


def _of_monitor(
    store: MetricsStore, monitor: str, column: str, picture: str, about: tuple[date | str | None, str]
) -> Drawn:
    from airflow_ml_monitor.report.scope import scope_of

    if bool(column) == bool(picture):
        raise SpecError(f"nothing to draw of {monitor!r}; give a column, or picture='labels' or 'scores'", field="plot")
    if picture and picture not in PICTURES:
        raise UnknownName("picture", picture, PICTURES, field="plot")
    day = date.fromisoformat(about[0]) if isinstance(about[0], str) else about[0]
    scope = scope_of(store, monitor, day=day)
    drawn = _labels(scope, picture) if picture else _column(scope, column, about[1])
    if drawn is None:
        raise SpecError(f"the store holds no {picture or column!r} of {scope.named(scope.window)}", field="plot")
    return drawn


def _column(scope: Scope, column: str, dataset: str) -> Drawn | None:
    from airflow_ml_monitor.report.figures.comparison import comparison, sides_of
    from airflow_ml_monitor.report.pairs import profiles_of

    known = {r.measurement.column for r in scope.now if r.measurement.column}
    if known and column not in known:
        raise UnknownName("column", column, known, field="plot")
    for name in [dataset] if dataset else scope.datasets:
        reference = scope.store.reference_at(scope.monitor, name, scope.window.start)
        profiles = profiles_of(scope, name, reference.digest) if reference else None
        if profiles and (pair := profiles.pair(column)):
            return f"{column}, {scope.named(scope.window)}", partial(comparison, sides=sides_of(pair))
    return None


def _labels(scope: Scope, picture: str) -> Drawn | None:
    from airflow_ml_monitor.report import labels
    from airflow_ml_monitor.report.figures.arrival import arrival
    from airflow_ml_monitor.report.figures.scores import scores

    for source in scope.sources:
        if picture == "labels" and (curves := labels.arrival_of(scope, source)):
            return "Share of labels known by age", partial(arrival, shown=curves)
        if picture == "scores" and (rows := labels.scores_in(scope, source, scope.window)):
            return f"Scores by label, {scope.named(scope.window)}", partial(scores, shown=rows)
    return None


def _figure(pictures: Sequence[Drawn]) -> Figure:
    with drawing():
        import matplotlib.pyplot as plt

        from airflow_ml_monitor.report.figures.frame import legend_rows

        across = min(len(pictures), 2)
        down = -(-len(pictures) // across)
        wide, high = WIDTH * across / 72, HEIGHT * down / 72
        figure, places = plt.subplots(down, across, figsize=(wide, high), layout="constrained", squeeze=False)
        for axes, (title, draw) in zip(places.flat, pictures, strict=False):
            draw(axes)
            axes.set_title(title, loc="left", pad=4 + 18 * legend_rows(axes), fontsize=11, fontweight="bold")
        for axes in list(places.flat)[len(pictures) :]:
            axes.remove()
        figure.set_facecolor("white")
        # Of the caller alone: a notebook would show it twice, and a long session keep it for ever.
        plt.close(figure)
        return figure
