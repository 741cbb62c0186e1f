"""Columns of 0 and 1, of which exactly one was 1 in every row, and no longer is."""

from __future__ import annotations

from typing import Final

from scipy.special import bdtrc

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.profile.indicator_groups import Indicators, indicator_columns

ENOUGH: Final = 100
"""Rows of the reference that make a rule of what held in all of them."""
CHANCE: Final = 1e-9
"""Of so many rows that break it, were their share at the upper limit of the reference's, which is 0."""
LEAST: Final = 0.005
"""Of the rows: a value that was too rare to be in the reference may come."""
MOST_NAMED: Final = 8


@fault(Subject.FEED)
def group_broken(feed: FeedView) -> Estimates:
    """Of a category encoded one column a value, rows have none of the values, or several: `none of a,b,c`.

    The share of the rows that do, counted at most (a row of three values as four). Groups are those columns of 0 and 1
    of which exactly one was 1 in each of at least 100 rows of the reference. Asked for: 0.5 % of the rows, and more
    than chance makes with 1e-9. Seen are groups among the first 24 columns (traces.Products) that arrived as declared.
    """
    old, new = feed.reference.traces.products, feed.current.traces.products
    if old is None or new is None or old.n < ENOUGH or not new.n:
        return {}
    names = {column.name for column in feed.columns}
    columns = [name for name in indicator_columns(feed.layout, feed.reference) if name in names]
    if len(columns) < 2:
        return {}
    before, now = (Indicators.of(products, feed.layout, columns) for products in (old, new))
    limit = interval.share(0, old.n)[1]
    found = {}
    for group in (group for group in before.groups() if set(group) <= set(now.columns)):
        wrong, pairs = now.wrong(group)
        rows = int(min(wrong, now.n))
        if rows >= LEAST * now.n and rows and bdtrc(rows - 1, now.n, limit) <= CHANCE:
            what = "several" if 4 * pairs > wrong else "none"
            some = [*group[:MOST_NAMED], "…"] if len(group) > MOST_NAMED else group
            found[f"{what} of {','.join(some)}"] = interval.share_of(rows, now.n)
    return found
