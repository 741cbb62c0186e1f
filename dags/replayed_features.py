"""Are the features that the model was served the ones that it would be trained on? Asked row by row, every day.

Why not only drift: a feature that serving rounds, fills, joins or refreshes otherwise than training does may look as it
always did, and has been wrong since the first day; no usual window tells it. The same rows, found by their key in the
table that training reads (here the applications as the lake holds them), tell it in one join, by a share of the rows.
Why it may come later than the predictions: such tables are often written overnight. Windows whose rows are not there
yet are compared again, for a week. What differs on more than 1 % of the rows is a fault of the data,
`training_serving_skew`: a model that is trained again on features that it will not be served helps nobody.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from credit_model import APPLICATIONS

from airflow_ml_monitor import MonitorSpec, Policy, Replay, monitoring_dag

credit = MonitorSpec.from_yaml("credit.yaml")
served = replace(credit.dataset(), replay=Replay(f"{APPLICATIONS}/*.parquet"))
spec = replace(credit, name="credit_features", datasets=(served,), labels=(), policy=Policy())
compared = monitoring_dag(spec, start_date=datetime(2026, 1, 1, tzinfo=UTC), compact=True)
