"""Rows in an object store: predictions and outcomes are Delta tables in a bucket, the reference a file beside them.

Why tables: a version of a table is a fixed list of files, so a profile is never of half an append, and any day can be
measured again as it was (`version=12`). What a table's log says of its files' times rules out all but the day's own.
Why a connection's id: credentials stay in Airflow, and never enter a log, an XCom or the metrics database. Of type aws,
google_cloud_platform or wasb; the command line reads AIRFLOW_CONN_LAKE. Without one a worker goes by its own role.
Why it is cheap: of a file only the declared columns cross the network, each once a scan; what waits is on disk, so
memory does not grow with the rows. In YAML a source is {path: s3://deliveries/scores, connection: lake, format: delta}.

Plain Parquet or CSV files are read the same way, by a path, a glob or a folder; Iceberg tables by the name that their
catalog gives them. Tables need `pip install 'airflow-ml-monitor[lake]'`; files need nothing more.

The first task plays the shop's own jobs. From day 2 on distances come in metres: the decision says so, and nobody
retrains on it. Needs a connection `lake` to a store that speaks S3, with a bucket `deliveries`; backfill 2026-01-01 to
2026-01-04.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import BaseHook, dag, get_current_context, task

from airflow_ml_monitor import (
    Column,
    Dataset,
    Files,
    Format,
    LabelSource,
    MonitorSpec,
    Policy,
    Reference,
    Role,
    Rule,
    Task,
    monitor_tasks,
)
from airflow_ml_monitor.policy.rule import Action, Bounds
from airflow_ml_monitor.profile.task import TaskKind

START, METRES_FROM, ROWS = date(2026, 1, 1), 2, 2000
SCORES, OUTCOMES, PAST = (f"s3://deliveries/{name}" for name in ("scores", "outcomes", "past.parquet"))

deliveries = MonitorSpec(
    name="deliveries",
    task=Task(TaskKind.REGRESSION),
    datasets=(
        Dataset(
            "scores",
            Files(SCORES, "lake", Format.DELTA),
            columns=(Column("distance"), Column("items"), Column("minutes_expected", role=Role.PREDICTION)),
            event_time="ordered_at",
            entity_key=("order",),
        ),
    ),
    labels=(
        LabelSource(
            "outcomes",
            Files(OUTCOMES, "lake", Format.DELTA),
            key=("order",),
            label="minutes",
            label_time="known_at",
            horizon=timedelta(days=3),
            mature_at=0.9,
        ),
    ),
    reference=Reference(Files(PAST, "lake"), label="minutes"),
    contract=None,
    policy=Policy(
        rules=(
            Rule("psi", Bounds(max=0.2), Action.RETRAIN, columns=("distance", "minutes_expected")),
            Rule("mae", Bounds(rise=0.2), Action.RETRAIN),
        )
    ),
)


@task
def land() -> None:
    """What a real shop's jobs would write: the day's orders with what was promised, and how long they took."""
    from airflow_ml_monitor.hooks.run_window import resolve_window

    window = resolve_window(get_current_context(), deliveries.rule())
    day = (window.start.date() - START).days
    if day == 0:
        _put_past(_drawn(-1, ROWS * 2))
    rows = _drawn(day, ROWS)
    if day >= METRES_FROM:
        rows["distance"] *= 1000
    scores = rows.drop(columns=["minutes", "known_at"])
    _replace(SCORES, scores, window.start.date())
    _replace(OUTCOMES, rows[["order", "day", "minutes", "known_at"]], window.start.date())


def _drawn(day: int, rows: int) -> Any:
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(day + 1)
    start = datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=day)
    ordered = start + pd.to_timedelta(np.sort(random.uniform(0, 86_400, rows)), unit="s").floor("us")
    distance, items = random.gamma(3.0, 1.5, rows), random.poisson(3, rows) + 1
    expected = 15 + 4 * distance + 2 * items
    return pd.DataFrame({
        "order": day * 1_000_000 + np.arange(rows), "day": start.date(), "ordered_at": ordered, "distance": distance,
        "items": items, "minutes_expected": expected, "minutes": expected + random.normal(0, 5, rows),
        "known_at": start + timedelta(days=1, minutes=30),
    })  # fmt: skip


def _replace(path: str, rows: Any, day: date) -> None:
    """A day of a table, parted by days: a job that runs again replaces what it wrote."""
    from deltalake import DeltaTable, write_deltalake

    there = BaseHook.get_connection("lake")
    options = {
        "AWS_ACCESS_KEY_ID": there.login, "AWS_SECRET_ACCESS_KEY": there.password, "AWS_ALLOW_HTTP": "true",
        "AWS_ENDPOINT_URL": there.extra_dejson["endpoint_url"], "AWS_REGION": there.extra_dejson["region_name"],
        "AWS_CONDITIONAL_PUT": "etag",
    }  # fmt: skip
    is_there = DeltaTable.is_deltatable(path, options)
    how = {"mode": "overwrite", "predicate": f"day = '{day}'"} if is_there else {"mode": "error"}
    write_deltalake(path, rows, partition_by=["day"], storage_options=options, **how)


def _put_past(rows: Any) -> None:
    """The reference: orders whose outcomes were known when the model was trained."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from airflow_ml_monitor.hooks.connection_store import store_of

    with store_of(PAST, "lake").open(PAST, "wb") as file:
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), file)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_deliveries() -> None:
    land() >> monitor_tasks(deliveries)


watch_deliveries()
