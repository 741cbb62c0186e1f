"""A simulated world driven through real DAG runs: a credit model with late labels, and days on which things go wrong.

Day by day: applications land, the scoring DAG scores and watches them, labels of earlier days land, and whatever run
it triggered is run too. Days are simulated; the DAG runs, the tasks and both databases are real.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from airflow_ml_monitor.errors import MonitorError
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.lifecycle.registry import ModelRegistry
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.report.page import report
from airflow_ml_monitor.simulate.credit import CreditWorld, Purpose
from airflow_ml_monitor.simulate.faults import DEFAULT_FAULTS, Faults, faults_within, parse_faults
from airflow_ml_monitor.simulate.landing import land_applications, land_outcomes
from airflow_ml_monitor.store.repository import MetricsStore
from airflow_ml_monitor.trial.dag_driver import DagDriver, RunResult

START = date(2026, 1, 1)
HISTORY_ROWS = 8000
MONITOR = "default/credit"
_BAR = 40


@dataclass(frozen=True, slots=True)
class World:
    """What the demo simulates, and where: dags holds the DAGs; home their data, models and databases."""

    dags: Path
    home: Path
    days: int = 100
    seed: int = 0
    faults: str = ""

    @property
    def chosen(self) -> Faults:
        return parse_faults(self.faults) if self.faults else faults_within(DEFAULT_FAULTS, self.days)

    @property
    def simulated(self) -> CreditWorld:
        return CreditWorld(self.seed, START, days=self.days, faults=self.chosen)


def run(world: World) -> int:
    """Set the world up, live through its days, tell what happened; 0 if every DAG run succeeded."""
    began = time.monotonic()
    simulated = world.simulated
    shown = ", ".join(f"{fault.kind} on day {fault.day}" for fault in world.chosen) or "nothing goes wrong"
    _say(f"A credit model, {world.days} days from {START}, about {simulated.rows_per_day} applications a day; {shown}.")
    land_the_past(world, simulated)
    with DagDriver(world.dags) as driver:
        results = [driver.run("train_credit", run_id="first_model", run_after=simulated.midnight(0))]
        _say("First model trained and promoted; its scores on past applications are the reference.")
        for day in range(world.days):
            results += live(driver, world, simulated, day)
            _progress(day + 1, world.days)
        driver.pause()
    store = MetricsStoreHook().store
    _summary(world, store)
    _page(world, store)
    store.dispose()
    counts = Counter((result.dag_id, result.state) for result in results)
    _say("\nDAG runs: " + ", ".join(f"{dag} {count} × {state}" for (dag, state), count in sorted(counts.items())))
    _say(f"{time.monotonic() - began:.0f} seconds. Look around in Airflow's UI:  make ui  → http://localhost:8080")
    failed = [result for result in results if result.state != "success"]
    for result in failed:
        broken = ", ".join(task for task, state in result.task_states.items() if state == "failed")
        _say(f"FAILED {result.dag_id} {result.run_id}: {result.state} ({broken})")
    return 1 if failed else 0


def land_the_past(world: World, simulated: CreditWorld) -> None:
    """An empty home with past applications in it: those to train on, and those that become the reference."""
    if not (world.dags / "existing_pipeline.py").is_file():
        raise MonitorError(f"no demo DAGs in {str(world.dags)!r}; run the demo in a checkout, or give --dags")
    for folder in ("data", "models"):
        shutil.rmtree(world.home / folder, ignore_errors=True)
    data = world.home / "data"
    data.mkdir(parents=True)
    simulated.history(HISTORY_ROWS, Purpose.TRAIN).to_parquet(data / "history.parquet", index=False)
    simulated.history(HISTORY_ROWS, Purpose.REFERENCE).to_parquet(data / "reference.parquet", index=False)


def live(driver: DagDriver, world: World, simulated: CreditWorld, day: int) -> list[RunResult]:
    """One day: what arrives lands, it is scored and watched at midnight, and what that triggers is run."""
    data, start, end = world.home / "data", simulated.midnight(day), simulated.midnight(day + 1)
    land_applications(simulated, data / "applications", day)
    land_outcomes(simulated, data / "outcomes", day)
    known = {"known_at": end.isoformat()}
    watched = driver.run("score_credit", run_type="scheduled", data_interval=(start, end), conf=known)
    return [watched, *driver.run_triggered()]


def _summary(world: World, store: MetricsStore) -> None:
    """What was decided, what was done, what it changed."""
    decisions = store.decisions(MONITOR)
    _say("\nday  date        decision          because")
    before = None
    for decision in decisions:
        if decision.action is not before or decision.action not in (Action.NONE, Action.WAIT):
            _say(_line(decision))
        before = decision.action
    counts = Counter(decision.action.value for decision in decisions)
    _say("\n" + ", ".join(f"{count} × {action}" for action, count in counts.most_common()))
    _retrainings(world, decisions)
    _effect(store)


def _line(decision: Decision) -> str:
    because = decision.because if len(decision.because) <= 150 else decision.because[:147] + "…"
    date = str(decision.evidence["window"])[:10]
    return f"{_day(date):>3}  {date}  {decision.action.value:<16}  {because}"


def _day(text: str) -> int:
    return (date.fromisoformat(text[:10]) - START).days


def _retrainings(world: World, decisions: Sequence[Decision]) -> None:
    """Every run that a decision started: when, under which id, what became of its model."""
    days = {decision.id: str(decision.evidence["window"])[:10] for decision in decisions}
    registry = ModelRegistry(world.home / "models")
    for version in registry.versions():
        manifest = registry.manifest(version)
        if day := days.get(manifest["decision"]):
            _say(f"\nday {_day(day)}: {manifest['run_id']} trained {version} on {manifest['rows']} rows: ")
            _say(f"  {manifest['outcome']}: {manifest['reason']}")


def _effect(store: MetricsStore) -> None:
    """Realised performance of each model: before its retraining's incident began, and since."""
    table = store.history(MONITOR, metric="roc_auc")
    table = table[(table["slice"] == "{}") & (table["status"] == "ok")]
    if table.empty:
        return
    changes = {i.model_version: i.first.start for i in store.incidents(MONITOR) if i.action is Action.RETRAIN}
    _say("\nrealised ROC AUC, mean over the windows whose labels have come")
    for version, rows in table.groupby("model_version"):
        change = changes.get(str(version))
        parts = [("", rows)]
        if change is not None:
            is_after = rows["window_start"] >= change
            parts = [(f" before {change:%Y-%m-%d}", rows[~is_after]), (f" from {change:%Y-%m-%d} on", rows[is_after])]
        shown = ", ".join(f"{part['value'].mean():.3f}{when} ({len(part)} days)" for when, part in parts if len(part))
        _say(f"  {version}: {shown}")


def _page(world: World, store: MetricsStore) -> None:
    """The page of the last day on which something was to be done, as it was known then."""
    decisions = store.decisions(MONITOR)
    last = next((d for d in reversed(decisions) if d.action not in (Action.NONE, Action.WAIT)), decisions[-1])
    day = date.fromisoformat(str(last.evidence["window"])[:10])
    path = world.home / "report.html"
    path.write_text(report(store, MONITOR, day=day, as_of=last.known_at), encoding="utf-8")
    _say(f"\nThe page of day {_day(str(day))}, as it was known then, for any browser:  {_near(path)}")


def _near(path: Path) -> str:
    """As seen from where the demo was started."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _progress(day: int, days: int) -> None:
    """A bar that is redrawn in place; in a file, a line for every tenth of the way."""
    done = _BAR * day // days
    is_screen = sys.stdout.isatty()
    if is_screen or day == days or day * 10 // days > (day - 1) * 10 // days:
        end = "\r" if is_screen and day < days else "\n"
        print(f"[{'█' * done}{'·' * (_BAR - done)}] day {day}/{days}", end=end, flush=True)


def _say(text: str) -> None:
    print(text, flush=True)
