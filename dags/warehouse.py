"""Rows that stay in the warehouse: predictions, labels and reference are tables of PostgreSQL here.

A connection to MariaDB, or to a file of SQLite, is watched by the same spec; only the job that plays the bank's own is
written for PostgreSQL.

Why: a warehouse has the rows, the index on their time and the cores; what a monitor needs of a day are counts and sums.
Every profile, ledger entry and fingerprint is a statement that runs there, in one transaction that only reads; no row
leaves, but those that a contract's rules on single rows ask for.
Why a connection's id: address and password stay in Airflow. The command line reads AIRFLOW_CONN_WAREHOUSE. It is an
account that may SELECT; an index on (scored_at) makes a day cost a day.
Where a day is too large to be read whole, `sampling_fraction=0.1` of the dataset reads the tenth of its rows that a
hash of their key draws: intervals widen, and rows are counted as before.
Why labels beside the predictions: they are joined where both are. Predictions in files may have their labels in a
table, too: the label table alone is read then.

The first task plays the bank's own jobs: it writes the day's scores and the outcomes of the day before, and needs an
account that may. From day 3 on incomes come in cents: the decision says so, and nobody retrains on it. Needs a
connection `warehouse` to an empty database; backfill 2026-01-01 to 2026-01-06.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from airflow.sdk import BaseHook, dag, get_current_context, task

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
    Table,
    Task,
    monitor_tasks,
)
from airflow_ml_monitor.policy.rule import Action, Bounds
from airflow_ml_monitor.profile.task import TaskKind

START, CENTS_FROM, ROWS = date(2026, 1, 1), 3, 2000

loans = MonitorSpec(
    name="loans",
    task=Task(TaskKind.BINARY, positive=True, threshold=0.3),
    datasets=(
        Dataset(
            "scores",
            Table("warehouse", "loans.scores"),
            columns=(Column("income"), Column("term", kind=Kind.CATEGORICAL), Column("score", role=Role.SCORE)),
            event_time="scored_at",
            entity_key=("loan_id",),
        ),
    ),
    labels=(
        LabelSource(
            "outcomes",
            Table("warehouse", "loans.outcomes"),
            key=("loan_id",),
            label="defaulted",
            label_time="known_at",
            horizon=timedelta(days=3),
        ),
    ),
    reference=Reference(Table("warehouse", "loans.past"), label="defaulted"),
    contract=None,
    policy=Policy(
        rules=(
            Rule("psi", Bounds(max=0.2), Action.RETRAIN, columns=("income", "score")),
            Rule("roc_auc", Bounds(fall=0.1), Action.RETRAIN),
        )
    ),
)

_TABLES = """
CREATE SCHEMA IF NOT EXISTS loans;
CREATE TABLE IF NOT EXISTS loans.scores (loan_id bigint, scored_at timestamptz, income numeric(12,2), term varchar(8),
    score double precision);
CREATE INDEX IF NOT EXISTS scores_by_time ON loans.scores (scored_at);
CREATE TABLE IF NOT EXISTS loans.outcomes (loan_id bigint, defaulted boolean, known_at timestamptz);
CREATE TABLE IF NOT EXISTS loans.past (LIKE loans.scores);
ALTER TABLE loans.past ADD COLUMN IF NOT EXISTS defaulted boolean;
"""
_DRAWN = """
CREATE TEMP TABLE drawn ON COMMIT DROP AS
SELECT %(day)s * 1000000 + i AS loan_id, %(start)s + random() * interval '1 day' AS scored_at,
    exp(8 + random() + random() + random() - 1.5) AS income,
    CASE WHEN random() < 0.7 THEN 'short' ELSE 'long' END AS term
FROM generate_series(1, %(rows)s) AS i;
ALTER TABLE drawn ADD COLUMN score double precision;
UPDATE drawn SET score = 1 / (1 + exp(4 * (ln(income) - 7.5)));
"""
_LANDED = """
DELETE FROM loans.scores WHERE scored_at >= %(start)s AND scored_at < %(end)s;
DELETE FROM loans.outcomes WHERE loan_id / 1000000 = %(day)s;
INSERT INTO loans.scores SELECT loan_id, scored_at, income * %(unit)s, term, score FROM drawn;
INSERT INTO loans.outcomes SELECT loan_id, random() < score, %(end)s + random() * interval '1 hour' FROM drawn;
"""
_PAST = "INSERT INTO loans.past SELECT *, random() < score FROM drawn WHERE NOT EXISTS (SELECT FROM loans.past)"


@task
def land() -> None:
    """What a real bank's jobs would write: the day's scores, and the outcomes that are known after it."""
    import psycopg2

    from airflow_ml_monitor.hooks.run_window import resolve_window

    window = resolve_window(get_current_context(), loans.rule())
    day = (window.start.date() - START).days
    about = {
        "day": day,
        "start": window.start,
        "end": window.end,
        "rows": ROWS,
        "unit": 100 if day >= CENTS_FROM else 1,
    }
    there = BaseHook.get_connection("warehouse")
    with psycopg2.connect(
        host=there.host, port=there.port, user=there.login, password=there.password, dbname=there.schema
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT setseed(%s)", [(day + 1) / 100])
        cursor.execute(_TABLES)
        cursor.execute(_DRAWN, about)
        cursor.execute(_PAST)
        cursor.execute(_LANDED, about)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_loans() -> None:
    land() >> monitor_tasks(loans)


watch_loans()
