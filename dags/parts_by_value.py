"""A day cut by what its rows are of, a channel a task: for data that lies by it, and for the workers that may read it.

Why by value and not by time (parts.py): files or a table that are sorted, partitioned or indexed by the column are read
by each task where its rows lie; where rows of every channel lie everywhere, each task would read the column of all of
them, and spans of time are the better parts. The column is one of categories, or of true and false; where it is one of
`slice_by`, each slice's numbers come from one task.
Why the last part is "all others": a channel that opens tomorrow, and rows that name none (NULL), would be in no part.
With it every row is in exactly one. The last task holds the list against itself before it adds up, and the rows that
were counted against those that there are: where a channel is in no part, or in two, it fails and says which, the day's
row count is `failed`, and the decision of a task that is else skipped asks to investigate.
Why values may share a task: a mapped task costs a process; those of a few rows are scanned together.
What is stored is what one task would have left: the whole, every slice, keys that come again in another channel.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow.sdk import dag

from airflow_ml_monitor import DecideOperator, FreezeReferenceOperator, MonitorOperator, MonitorSpec, ProfileOperator

# parts_by_value("channel", […]) writes such a list, with a part for each value.
PARTS = [
    {"channel": "web"},
    {"channel": ["branch", "broker"]},
    {"channel": {"other_than": ["web", "branch", "broker"]}},
]
credit = MonitorSpec.from_yaml("credit.yaml")
sliced = replace(
    credit, name="credit_by_channel", datasets=tuple(replace(one, slice_by=("channel",)) for one in credit.datasets)
)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_credit_by_channel() -> None:
    frozen = FreezeReferenceOperator(task_id="freeze", spec=sliced)
    scanned = ProfileOperator.partial(task_id="part", spec=sliced, map_index_template="{{ task.part }}").expand(
        part=PARTS
    )
    whole = ProfileOperator(task_id="profile", spec=sliced, parts=PARTS)
    frozen >> scanned >> whole >> MonitorOperator(task_id="watch", spec=sliced)
    # To measure a day that was not put together would scan it in one piece: of that day it is decided alone.
    whole >> DecideOperator(task_id="decide", spec=sliced, trigger_rule="all_failed")


watch_credit_by_channel()
