"""A day too large for one task: mapped tasks scan a part each, wherever there is a worker, and one puts them together.

Why: an engine on one machine reads a day of billions of rows, but not within the hour; eight workers do. What they
leave are counts and sums, which add up to exactly what one scan of the day would have left, so nothing that follows
knows of it: quality, drift, performance and the decision are what they would have been.
Why by time: it needs no plan, is the same of files and of tables, and files whose footers rule a part out are not
opened. Rows that lie in partitions are cut by these instead, as listed by a task of yours:
`.expand(part=listed)` and `parts=listed`, where `listed` are paths or globs, each file of the day in one of them.
Why the last task reads a little again: a key that came in the morning and once more in the evening is in no part twice,
and a category that is new may have enough rows in none. It reads the key, and the columns that may hold such values.
What it says: files that changed since their part was scanned fail the last task, by name; the day's row count is
`failed` then, and the decision of a task that is else skipped asks to investigate. A part that failed itself is cleared
with what follows: the others are not scanned again.
Why the reference is frozen before: every part would freeze it, for nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from airflow.sdk import dag

from airflow_ml_monitor import DecideOperator, FreezeReferenceOperator, MonitorOperator, MonitorSpec, ProfileOperator

PARTS = 4
large = replace(MonitorSpec.from_yaml("credit.yaml"), name="credit_in_parts")


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def watch_credit_in_parts() -> None:
    frozen = FreezeReferenceOperator(task_id="freeze", spec=large)
    scanned = ProfileOperator.partial(task_id="part", spec=large, map_index_template="{{ task.part }}").expand(
        part=[f"{number}/{PARTS}" for number in range(1, PARTS + 1)]
    )
    whole = ProfileOperator(task_id="profile", spec=large, parts=PARTS)
    frozen >> scanned >> whole >> MonitorOperator(task_id="watch", spec=large)
    # To measure a day that was not put together would scan it in one piece: of that day it is decided alone.
    whole >> DecideOperator(task_id="decide", spec=large, trigger_rule="all_failed")


watch_credit_in_parts()
