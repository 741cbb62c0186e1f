"""Real runs of the hotel's DAGs, and what they left in the metrics database."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd

from airflow_ml_monitor.keys import WHOLE, Window, WindowRule, WindowUnit
from airflow_ml_monitor.measurement import FINAL, NAIVE, Family
from airflow_ml_monitor.monitor.performance import measure_performance, performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.store.records import Recorded
from airflow_ml_monitor.store.repository import MetricsStore
from airflow_ml_monitor.trial.dag_driver import DagDriver

if TYPE_CHECKING:
    from hotel_world import HotelWorld

HERE = Path(__file__).parent
OF_A_MOMENT = (
    *("orphan_labels", "repeated_labels", "predictions_not_logged"),
    *("label_maturity", "label_delay", "label_silence", "scoreboard"),
)
LISBON = ZoneInfo("Europe/Lisbon")
WEEKS = WindowRule(WindowUnit.WEEK, "Europe/Lisbon")
HORIZON = timedelta(days=365)
"""As hotel.yaml has it."""
CONNECTION = "AIRFLOW_CONN_ML_MONITOR_DEFAULT"


def connection_to(folder: Path) -> str:
    """The Airflow connection to a metrics database in a folder, as the environment variable CONNECTION holds it."""
    place = f"sqlite:///{folder / 'metrics.db'}"
    return json.dumps({"conn_type": "ml_monitor", "host": place, "extra": {"create_tables": True}})


def aware(day: pd.Timestamp) -> datetime:
    """A naive day of the file as an instant."""
    return day.to_pydatetime().replace(tzinfo=LISBON)


def naive(moment: datetime) -> pd.Timestamp:
    """An instant as the file writes it."""
    return pd.Timestamp(moment.astimezone(LISBON).replace(tzinfo=None))


@dataclass(frozen=True, slots=True)
class Season:
    """Windows, and the Mondays on which somebody looked: the end of each, later ones on which only labels came, and one
    on which every horizon has passed."""

    windows: tuple[Window, ...]
    mondays: tuple[datetime, ...]

    @classmethod
    def of(cls, first: pd.Timestamp, weeks: int, labelled: pd.Timestamp, step: int = 1) -> Season:
        """So many weeks; after the last of them every `step`-th Monday, that on which all is labelled, and the end."""
        every = list(WEEKS.between(aware(first), aware(labelled)))
        later = [week.end for week in every[weeks:]]
        windows = tuple(every[:weeks])
        ripe = WEEKS.containing(windows[-1].end + HORIZON).end
        looked = sorted({*later[step - 1 :: step], later[-1], max(later[-1], ripe)})
        return cls(windows, (*(week.end for week in windows), *looked))

    @property
    def end(self) -> datetime:
        return self.mondays[-1]

    def window_of(self, monday: datetime) -> Window:
        """What the run of a Monday is about: the week that is over; once no more are scored, the last one again."""
        return [window for window in self.windows if window.end <= monday][-1]


@contextmanager
def driven(folder: Path, *, contract: bool = True) -> Iterator[DagDriver]:
    """The two DAGs beside the data, in the driver. contract: Great Expectations takes half of a run's time."""
    dags = folder / "dags"
    dags.mkdir()
    shutil.copy(HERE / "hotel_dag.py", dags)
    text = (HERE / "hotel.yaml").read_text()
    (dags / "hotel.yaml").write_text(text if contract else text.replace("contract: inferred", "contract: null"))
    with DagDriver(dags) as driver:
        yield driver


def run(driver: DagDriver, dag_id: str, window: Window, known_at: datetime) -> Mapping[str, str]:
    """One run by hand, with what was known at a moment; the states of its tasks. AssertionError unless it succeeds."""
    conf = {"known_at": known_at.isoformat()}
    if window.end != known_at:  # else the run finds its window by its date, the newest that is over
        conf |= {"window_start": window.start.isoformat(), "window_end": window.end.isoformat()}
    run_id = f"{naive(window.start).date()}_known_{naive(known_at).date()}"
    result = driver.run(dag_id, run_id=run_id, run_after=known_at, conf=conf)
    assert result.state == "success", f"{dag_id} {run_id} ended {result.state}: {dict(result.task_states)}"
    return result.task_states


def measured_alone(world: HotelWorld, folder: Path, window: Window, known_at: datetime) -> Kept:
    """One week in an empty folder, as if the monitor had begun with it; without Airflow."""
    (folder / "data" / "predictions").mkdir(parents=True)
    for path in (world.folder / "data").glob("*.parquet"):
        (folder / "data" / path.name).symlink_to(path.resolve())
    (folder / "dags").mkdir()
    shutil.copy(HERE / "hotel.yaml", folder / "dags")
    replace(world, folder=folder).land(naive(window.start))
    kept = Kept.of(folder, "default")
    kept.store.upgrade()
    measure_performance(Monitor(kept.spec, kept.store), Run(window, WEEKS, known_at))
    return kept


@dataclass(frozen=True, slots=True)
class Kept:
    """What one of the DAGs left in the metrics database."""

    spec: MonitorSpec
    store: MetricsStore

    @classmethod
    def of(cls, folder: Path, namespace: str) -> Kept:
        """namespace: `default` of the run every Monday, `at_once` of the other."""
        spec = MonitorSpec.from_yaml(folder / "dags" / "hotel.yaml")
        return cls(replace(spec, namespace=namespace), MetricsStore(f"sqlite:///{folder / 'metrics.db'}"))

    def rows(self, *families: Family) -> dict[tuple[Any, ...], Recorded]:
        """The current measurements by what they are about, without what tells of more than the run's window.

        Of the whole label file as it stood at a run: orphan and repeated labels, how complete labels are by age, how
        fast they come; and how right estimators were until then.
        """
        found = self.store.current(self.spec.key, families=families)
        about = {(r.head, *_place(r)): r for r in found}
        return {key: r for key, r in about.items() if r.measurement.metric not in OF_A_MOMENT}

    def by_ledger(self, window: Window, known_at: datetime, metric: str = "roc_auc") -> tuple[float, int]:
        """`performance(as_of=K)`: a metric of a window's labels at hand, and their number; NaN where it has none."""
        found = performance(Monitor(self.spec, self.store), window, known_at)
        name = metric if known_at >= window.end + HORIZON else f"{NAIVE}.{metric}"
        [said] = [row.estimate for row in found if row.metric == name and row.slice == WHOLE and not row.parameters]
        return (said.value, said.n) if said else (float("nan"), 0)

    def by_history(self, known_at: datetime, metric: str = "roc_auc") -> pd.DataFrame:
        """`history(as_of=K)`: a metric of the labels at hand of every window, as known then; one row a window.

        Under the metric's own name once the horizon has passed, until then as naive.
        """
        table = self.said(known_at, metric)
        wanted = table.is_final.map({True: metric, False: f"{NAIVE}.{metric}"})
        return table[(table.metric == wanted)].set_index("window_start")

    def said(self, known_at: datetime, *metrics: str) -> pd.DataFrame:
        """`history(as_of=K)` of metrics of the whole, under their own names, as naive and as final."""
        names = {name for metric in metrics for name in (metric, f"{NAIVE}.{metric}", f"{FINAL}.{metric}")}
        return self.store.history(
            self.spec.key, as_of=known_at, metrics=names, whole=True, families=[Family.PERFORMANCE]
        )


def _place(r: Recorded) -> tuple[Any, ...]:
    m = r.measurement
    return m.metric, m.column, m.parameters, m.slice


def differences(a: Mapping[Any, Recorded], b: Mapping[Any, Recorded], tolerance: float) -> list[str]:
    """Where two sets of current rows differ: one lacks a row, a text differs, or a number by more than a tolerance."""
    found = [f"only one has {key}" for key in a.keys() ^ b.keys()]
    for key in a.keys() & b.keys():
        if _texts(a[key]) != _texts(b[key]):
            found.append(f"{_texts(a[key])} and {_texts(b[key])} of {key}")
        one, other = _numbers(a[key]), _numbers(b[key])
        if one.keys() != other.keys() or any(abs(one[name] - other[name]) > tolerance for name in one):
            found.append(f"{one} and {other} of {key}")
    return found


def _texts(r: Recorded) -> tuple[Any, ...]:
    return r.measurement.status, r.measurement.reason, r.is_final


def _numbers(r: Recorded) -> dict[str, float]:
    e = r.measurement.estimate
    named = {"coverage": r.coverage}
    if e is not None:
        named |= {"value": e.value, "n": e.n, "low": e.low, "high": e.high, "p_value": e.p_value, "noise": e.noise}
    return {name: value for name, value in named.items() if value is not None}


def recomputed_apart(bookings: Path, folder: Path, end: datetime) -> pd.DataFrame:
    """What the separate script finds, in a process of its own, by (window's start, K)."""
    out = folder / "recomputed.csv"
    script, predictions = HERE / "hotel_recompute.py", folder / "data" / "predictions"
    subprocess.run([sys.executable, script, bookings, predictions, str(naive(end).date()), out], check=True)
    table = pd.read_csv(out, parse_dates=["window", "known_at"])
    return table.set_index(["window", "known_at"])
