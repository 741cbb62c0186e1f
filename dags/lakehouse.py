"""Rows beyond one machine: Spark counts them on its executors, here two threads of this machine.

Why Spark: a day that DuckDB would read for minutes, or files that only a cluster may read. Every column's cells are cut
and added where its rows are, in one pass over Arrow batches; statements do the rest, the join with the labels too. What
comes back are counts, sums and extremes. A day that one machine reads in seconds is cheaper there: a session alone
costs ten seconds of CPU.
Why a day in one task (`compact`): each task is a process, and would open a session of its own.
Why labels in Spark too: they are joined where both are. The reference may be a file as well.

Only `lake()` changes where the cluster is elsewhere. What was run, on Spark 3.5 and 4: one process and several
executor processes (`local-cluster`); on 4 Connect, too. What was planned after the platforms' documentation, and never
run there:
* any cluster with a Spark Connect server: `Spark(path=…, remote="sc://host:15002")`. The worker needs no Java; this
  package's kernel is sent along, executors need numpy and pyarrow, and the worker's minor version of Python.
* EMR: start the Connect server on the primary node (`start-connect-server.sh`), paths begin with `s3://`; or an Airflow
  worker beside the cluster with `master="yarn"`, HADOOP_CONF_DIR set, and an archive of Python as
  `conf={"spark.archives": …}`.
* Databricks: `table="main.scores.daily"`, without remote; SPARK_REMOTE of the worker holds the address with its token
  (`sc://<workspace>:443/;token=…;x-databricks-cluster-id=…`), and clusters have numpy and pyarrow. A spec never holds a
  token, and one that does is refused.
* Dataproc: as EMR, with `gs://` paths; or its serverless Connect sessions, whose DataFrame is given as a source.
* Delta and Iceberg by `format=`, with their packages in `conf`.
A window's bytes are named by its files (path, size, moment of change); those of a view or a DataFrame, which does not
tell its files, by hashes of its rows, for which all are read once more.

The first task plays the shop's own job. On day 1 amounts come in cents: the decision says so. Needs the extra `[spark]`
and Java 17; backfill 2026-01-01 to 2026-01-02.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import dag, get_current_context, task
from credit_model import HOME

from airflow_ml_monitor import (
    Column,
    Dataset,
    Kind,
    LabelSource,
    MonitorSpec,
    Policy,
    Reference,
    Role,
    Rule,
    Spark,
    Task,
    monitor_tasks,
)
from airflow_ml_monitor.policy.rule import Action, Bounds
from airflow_ml_monitor.profile.task import TaskKind

if TYPE_CHECKING:
    import pandas as pd

START, CENTS_FROM, ROWS = date(2026, 1, 1), 1, 2000
LAKE = HOME / "data" / "lake"


def lake(name: str) -> Spark:
    """A directory of the lake, read by the cluster that is at hand."""
    return Spark(path=str(LAKE / name), master="local[2]")


orders = MonitorSpec(
    name="orders",
    task=Task(TaskKind.BINARY, threshold=0.5),
    datasets=(
        Dataset(
            "orders",
            lake("orders"),
            columns=(Column("amount"), Column("country", Kind.CATEGORICAL), Column("score", role=Role.SCORE)),
            event_time="ordered_at",
            entity_key=("order_id",),
        ),
    ),
    labels=(
        LabelSource(
            "returns",
            lake("returns"),
            key=("order_id",),
            label="returned",
            label_time="known_at",
            horizon=timedelta(days=2),
        ),
    ),
    reference=Reference(lake("past"), label="returned"),
    contract=None,
    policy=Policy(rules=(Rule("psi", Bounds(max=0.2), Action.RETRAIN, columns=("amount", "score")),)),
)


def _ordered(day: int) -> pd.DataFrame:
    """One day's orders with their scores, and whether they will be returned."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng([int(day < 0), abs(day)])
    amount = random.lognormal(4, 0.6, ROWS)
    score = 1 / (1 + np.exp(4 - np.log(amount)))
    seconds = pd.to_timedelta(random.integers(0, 86_400, ROWS), unit="s")
    return pd.DataFrame({
        "order_id": day * ROWS + np.arange(ROWS),
        "ordered_at": (pd.Timestamp(START, tz="UTC") + timedelta(days=day) + seconds).as_unit("us"),
        "amount": amount.round(2) * (100 if day >= CENTS_FROM else 1),
        "country": random.choice(["DE", "FR", "NL"], ROWS, p=[0.6, 0.3, 0.1]),
        "score": score,
        "returned": (random.random(ROWS) < score).astype(int),
    })  # fmt: skip


@task
def land() -> None:
    """What a real shop's jobs would write: the day's orders, and the returns that are known by its end."""
    from credit_model import write

    from airflow_ml_monitor.hooks.run_window import resolve_window

    start = resolve_window(get_current_context(), orders.rule()).start
    rows = _ordered((start.date() - START).days)
    write(_ordered(-1), LAKE / "past" / "part.parquet")
    write(rows.drop(columns="returned"), LAKE / "orders" / f"{start.date()}.parquet")
    known = rows[["order_id", "returned"]].assign(known_at=rows["ordered_at"].max())
    write(known, LAKE / "returns" / f"{start.date()}.parquet")


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_orders() -> None:
    land() >> monitor_tasks(orders, compact=True)


watch_orders()
