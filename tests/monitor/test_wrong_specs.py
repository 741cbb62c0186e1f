"""Every field of a spec, given what it cannot be: one error that names field, value and remedy, before data is read."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.monitor.spec import MonitorSpec

PREDICTED: dict[str, dict[str, Any]] = {
    "binary": {"score": {"role": "score"}},
    "regression": {"median": {"role": "prediction", "of": 0.5}, "q90": {"role": "quantile", "of": 0.9}},
    "multiclass": {"said": {"kind": "categorical", "role": "prediction"}},
    "multilabel": {"said": {"kind": "categorical", "role": "prediction"}},
    "ranking": {"score": {"role": "score"}, "search": {"kind": "categorical", "role": "query"}},
}
TASKS: dict[str, dict[str, Any]] = {
    "binary": {"thresholds": [0.3], "payoff": {"true_positive": 2.0}},
    "regression": {"naive_error": 2.0, "error_limits": [0.1]},
    "multiclass": {"classes": ["a", "b", "c"]},
    "multilabel": {"classes": ["a", "b"], "separator": " "},
    "ranking": {"at": [1, 3]},
}


def right(kind: str) -> dict[str, Any]:
    """A spec of a task that is right."""
    columns = {"x": "numeric", "c": "categorical", **PREDICTED[kind]}
    dataset = {"name": "rows", "source": "rows/*.parquet", "event_time": "at", "zone": "UTC", "columns": columns}
    dataset["replay"] = {"source": "features/*.parquet", "key": ["id"], "columns": ["x", "c"], "zone": "UTC"}
    labels = {"name": "outcomes", "source": "y.parquet", "key": ["id"], "label": "y", "label_time": "known"}
    return {
        "name": "credit",
        "namespace": "default",
        "task": {"kind": kind, **TASKS[kind]},
        "datasets": [{**dataset, "entity_key": ["id"], "slice_by": ["c"]}],
        "labels": [{**labels, "horizon": "30d", "mature_at": 0.9}],
        "reference": {
            "source": "reference.parquet",
            "label": "y",
            "start": "2026-01-01T00:00:00+00:00",
            "benchmark": {},
        },
        "windows": [{"unit": "day", "zone": "UTC", "offset": "0h"}],
        "owners": {"data": "us"},
        "upstream": ["default/orders"],
        "policy": {
            "rules": [
                {"metric": "psi", "max": 0.2, "bounds": {"min": 0.0}},
                {
                    "all": [
                        {"metric": "psi", "max": 0.1, "share_of_columns": 0.3},
                        {"metric": "row_count", "sigmas": 3, "improvement": "alarm", "slices": ["c"]},
                    ],
                    "name": "both",
                    "cooldown": 5,
                },
            ]
        },
    }


def given(kind: str, field: str, value: Any) -> dict[str, Any]:
    """The same with one field changed, e.g. 'labels.0.horizon'."""
    document = deepcopy(right(kind))
    *path, last = field.split(".")
    at: Any = document
    for key in path:
        at = at[int(key)] if isinstance(at, list) else at[key]
    at[int(last) if isinstance(at, list) else last] = value
    return document


@pytest.mark.parametrize("kind", TASKS)
def test_the_specs_that_are_changed_below_are_right(kind: str) -> None:
    spec = MonitorSpec.from_document(right(kind))
    assert MonitorSpec.from_document(spec.document()) == spec


TEXTS = (
    *("name", "namespace", "stage", "model_version", "owners.data", "contract", "task.separator"),
    *("datasets.0.name", "datasets.0.event_time", "datasets.0.zone", "datasets.0.source", "datasets.0.entity_key.0"),
    *("datasets.0.replay.source", "datasets.0.replay.key", "datasets.0.replay.columns", "datasets.0.replay.zone"),
    *("labels.0.name", "labels.0.source", "labels.0.label", "labels.0.key.0", "labels.0.label_time", "labels.0.zone"),
    *("labels.0.dataset", "labels.0.censored", "reference.source", "reference.label", "upstream.0", "measurements"),
    *("policy.rules.1.all.0.metric", "policy.rules.1.all.1.parameters"),
    *("policy.rules.0.metric", "policy.rules.0.name", "policy.rules.0.columns", "policy.rules.0.parameters"),
)
NUMBERS = (
    *("task.threshold", "task.thresholds", "task.payoff.true_positive", "labels.0.mature_at", "policy.rules.0.max"),
    *("policy.rules.0.bounds.min", "policy.rules.0.fall_share", "policy.false_alarms_per_year"),
    *("policy.rules.0.sigmas", "policy.rules.0.share_of_columns", "policy.rules.1.all.0.max"),
)
WHOLE_NUMBERS = (
    *("policy.rules.0.k", "policy.rules.0.m", "policy.rules.0.least_n", "policy.cooldown"),
    "policy.rules.1.all.0.least_n",
)
FLAGS = ("labels.0.feedback", "policy.act", "policy.trust_estimates", "policy.rules.0.sure")
CHOICES = (
    *("task.kind", "importance", "labels.0.mode", "labels.0.several", "windows.0.unit", "policy.rules.0.action"),
    *("policy.rules.0.improvement", "policy.rules.1.all.1.improvement"),
    *("policy.rules.0.severity", "datasets.0.columns.x", "policy.order"),
)
DURATIONS = ("labels.0.horizon", "windows.0.offset")
MAPPINGS = ("owners", "policy", "task.payoff", "policy.rules.0.bounds", "reference.benchmark", "task")
ODD = {
    TEXTS: (True, 3, 1.5, math.nan, ["a", "a"], [1], {"a": 1}, "  "),
    NUMBERS: (True, "0.5", "much", math.nan, math.inf, {"a": 1}, [True], ""),
    WHOLE_NUMBERS: (True, "2", 1.5, math.nan, math.inf, -1, [], {}, None),
    FLAGS: (1, 0, "yes", "true", 1.0, [], None),
    ("policy.rules.0.cooldown",): (True, "2", 1.5, math.nan, math.inf, -1, 0, [], {}),
    ("policy.rules.0.slices", "policy.rules.1.all.1.slices"): (
        1,
        0,
        "yes",
        "  ",
        1.0,
        [],
        None,
        ["c", "c"],
        [1],
        {"a": 1},
    ),
    ("policy.rules.1.all", "policy.rules.1.any"): (True, 3, "psi", ["psi"], [{}], [{"metric": "psi"}], {"a": 1}),
    CHOICES: (True, 1, "", "zzz", ["zzz"], math.nan),
    DURATIONS: (True, 3, math.nan, math.inf, "soon", "-3d", "", [], None),
    MAPPINGS: (True, 3, math.nan, "", [], ["a"], {"zzz": 1}),
    ("reference.start", "reference.end"): (True, 3, 1.5, math.nan, "zzz", "", "2026-01-01", [], {}),
    ("datasets.0.source", "datasets.0.replay.source", "labels.0.source", "reference.source"): (
        None,
        0,
        [],
        ["a.parquet"],
        {},
        "",
    ),
    ("datasets", "datasets.0", "datasets.0.columns", "labels.0", "windows.0", "reference"): (True, 3, "", [1], None),
}


def is_meant(field: str, value: Any) -> bool:
    """A contract may be a mapping, and some text be blank."""
    if value == {"a": 1}:
        return field == "contract"
    return field in ("task.separator", *_PARAMETERS) and value == "  "


_PARAMETERS = ("policy.rules.0.parameters", "policy.rules.1.all.1.parameters")


@pytest.mark.parametrize(
    ("field", "value"),
    [(f, value) for fields, values in ODD.items() for f in fields for value in values if not is_meant(f, value)],
)
def test_what_is_of_another_type_or_not_finite_or_blank_is_named_with_its_field(field: str, value: Any) -> None:
    kind = "multilabel" if field == "task.separator" else "binary"
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_document(given(kind, field, value))
    assert set(field.split(".")) & set(caught.value.field.split("."))


def test_an_address_in_place_of_a_connection_is_not_quoted() -> None:
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_document(
            given("binary", "datasets.0.source", {"connection": "postgres://u:hunter2@h/d", "table": "t"})
        )
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "field", "value", "words"),
    [
        ("binary", "task.threshold", "0.5", ["expected a number, got '0.5'", "without quotes"]),
        ("binary", "name", 7, ["name: expected text, got 7", "in quotes"]),
        ("binary", "labels.0.feedback", 1, ["expected true or false, got 1"]),
        ("binary", "slice_by", ["c"],
         ["unknown field 'slice_by' at the top level; it belongs in an entry of datasets"]),
        ("binary", "sampling_fraction", 0.1, ["it belongs in an entry of datasets"]),
        ("binary", "event_time", "at", ["it belongs in an entry of datasets"]),
        ("binary", "horizon", "30d", ["it belongs in an entry of labels"]),
        ("binary", "false_alarms_per_year", 2, ["it belongs in policy"]),
        ("binary", "slice_bye", ["c"], ["did you mean 'slice_by'? It belongs in an entry of datasets"]),
        ("binary", "dataset", [], ["did you mean 'datasets'?"]),
        ("binary", "datasets.0.horizon", "30d",
         ["datasets.0: unknown field 'horizon'; it belongs in an entry of labels"]),
        ("binary", "zone", "UTC", ["top level; it belongs in an entry of datasets or"]),
        ("binary", "datasets.0.upstream", [], ["it belongs at the top level"]),
        ("binary", "qwertz", 1, ["unknown field 'qwertz' at the top level; known: name, task"]),
        ("binary", "labels.0.mode", "implict", ["unknown mode 'implict'", "implicit"]),
        ("binary", "labels.0.zone", "Mars/Olympus", ["labels.outcomes.zone", "unknown time zone", "IANA"]),
        ("binary", "datasets.0.zone", "Mars/Olympus", ["datasets.rows.zone", "unknown time zone", "IANA"]),
        ("binary", "datasets.0.columns.x", {"kind": "numerc"}, ["columns.x.kind", "'numerc'", "numeric"]),
        ("binary", "datasets.0.columns.score", {"role": "score", "kind": "categorical"}, ["score.kind", "a score is"]),
        ("binary", "datasets.0.columns.x", {"role": "score"}, ["'x' and 'score' have role score"]),
        ("binary", "datasets.0.slice_by", ["c", "c"], ["slice_by", "'c' stands there twice"]),
        ("binary", "datasets.0.replay.key", ["id", "x"], ["rows.replay.key", "['id', 'x']", "as many columns"]),
        ("binary", "datasets.0.replay.columns", ["y"], ["rows.replay.columns", "unknown column 'y'", "score, x"]),
        ("binary", "datasets.0.replay.zone", "Mars/Olympus", ["datasets.rows.replay.zone", "unknown time zone"]),
        ("binary", "datasets.0.replay", {"sorce": "f.parquet"}, ["unknown field 'sorce'", "did you mean 'source'?"]),
        ("binary", "datasets.0.replay", {"key": "id"}, ["replay.source", "a path, a glob", "give one"]),
        ("binary", "windows", ["day", "day"], ["windows", "day@UTC stands there twice"]),
        ("binary", "upstream", "orders", ["'orders' is no monitor's key", "default/orders"]),
        ("binary", "upstream", "default/credit", ["is this monitor itself"]),
        ("binary", "policy.false_alarms_per_year", -1, ["-1.0 is no number of alarms"]),
        ("binary", "policy.holidays", "christmas", ["policy.holidays.0"]),
        ("binary", "policy.charts", {"metric": "psi"}, ["policy.charts.psi.metric", "unknown metric that can be"]),
        ("binary", "policy.charts", {"metric": "shift", "slices": True}, ["shift.slices", "of the whole only"]),
        ("binary", "policy.charts", {"metric": "roc_auc", "slices": "z"}, ["unknown column of slice_by 'z'"]),
        ("binary", "policy.charts", {"metric": "shift", "importance": {"z": 2}}, ["importance", "unknown column 'z'"]),
        ("binary", "policy.charts", {"metric": "shift", "weight": 0}, ["0.0 is no part of a budget"]),
        ("binary", "policy.charts", ["shift", "shift"], ["two charts are called 'shift'"]),
        ("binary", "policy.rules.0.least_n", -1, ["-1 is no number of rows"]),
        ("binary", "policy.rules.0", {"metric": "roc_auc", "min": 0.5, "columns": "x"}, ["'roc_auc' is of labels"]),
        ("binary", "policy.rules.0", {"metric": "roc_auc", "min": 0.5, "share_of_columns": 0.5},
         ["policy.rules.roc_auc.share_of_columns", "'roc_auc' is of no column"]),
        ("binary", "policy.rules.0.share_of_columns", 30, ["30.0 is no share of columns", "at most 1"]),
        ("binary", "policy.rules.0.sigmas", 0, ["0.0 is no number of standard deviations", "e.g. 3"]),
        ("binary", "policy.rules.0.improvement", "alarm", ["no bound to both sides", "give sigmas, or fall and rise"]),
        ("binary", "policy.rules.0.improvement", "ignor", ["'ignor'", "ignore"]),
        ("binary", "policy.rules.0.cooldown", 0, ["policy.rules.psi.cooldown", "0 is not a positive number"]),
        ("binary", "policy.rules.0.slices", 1, ["expected true or false or a list, got 1"]),
        ("binary", "policy.rules.0.slices", "region", ["unknown column of slice_by 'region'", "one of: c"]),
        ("binary", "policy.rules.1.all.0.metric", "pis",
         ["policy.rules.both.all.0.metric", "unknown metric 'pis'"]),
        ("binary", "policy.rules.1.all.0.columns", "y", ["all.0.columns: unknown column 'y'"]),
        ("binary", "policy.rules.1.all.0.action", "retrain", ["policy.rules.1.all.0: unknown field 'action'"]),
        ("binary", "policy.rules.1.all.0", {"metric": "psi"}, ["policy.rules.1.all.0", "'psi' has no bound"]),
        ("binary", "policy.rules.1.max", 0.2, ["bounds: a rule of conditions has none of its own", "under all"]),
        ("binary", "policy.rules.1.any", [{"metric": "psi", "max": 1}], ["all and any stand side by side"]),
        ("binary", "policy.rules.1", {"any": [{"metric": "cbpe.roc_auc", "min": 0.7}], "action": "retrain"},
         ["cbpe.roc_auc.action", "cannot see concept drift"]),
        ("binary", "policy.rules.1", {"any": [{"metric": "profit", "min": 0, "parameters": "class=a"}]},
         ["any.0.parameters", "no 'class=a'"]),
        ("binary", "policy.rules.0", {"metric": "recall_at_threshold", "min": 0, "parameters": "threshold=0.4"},
         ["unknown threshold 'threshold=0.4'", "threshold=0.3"]),
        ("binary", "datasets.0.source", {"connection": "w"}, ["datasets.0.source.table: is missing", "schema.name"]),
        ("binary", "datasets.0.source", {"conection": "w"}, ["unknown field 'conection'", "'connection'"]),
        ("binary", "labels.0.source", {"connection": "w", "table": 7}, ["labels.0.source.table: expected text, got 7"]),
        ("binary", "labels.0.source", {"connection": "w", "table": "a..b"}, ["'a..b' is no name of a table"]),
        ("binary", "reference.source", {"connection": "postgres://u:p@h/d", "table": "t"},
         ["reference.source.connection: is no id of an Airflow connection"]),
        ("binary", "datasets.0.source", {"path": "s3://lake/x", "conection": "w"}, ["unknown field 'conection'"]),
        ("binary", "labels.0.source", {"path": "s3://lake/x", "format": "hudi"}, ["labels.0.source.format", "'hudi'"]),
        ("binary", "labels.0.source", {"path": 7}, ["labels.0.source.path: expected text, got 7"]),
        ("binary", "reference.source", {"path": "s3://b/x", "version": 3}, ["reference.source.version: 3 cannot be"]),
        ("binary", "reference.source", {"path": "s3://lake/x", "connection": "aws://k:p@"},
         ["reference.source.connection: is no id of an Airflow connection"]),
        ("binary", "reference.source", {"path": "s3://k:p@lake/x"}, ["reference.source.path: holds a password"]),
        ("regression", "task.naive_error", True, ["task.naive_error", "expected a number, got True"]),
        ("regression", "task.naive_error", "2", ["without quotes"]),
        ("regression", "task.error_limits", 0.1234, ["0.1234 is not on the grid"]),
        ("regression", "task.error_limits", [0.1, True], ["task.error_limits.1", "got True"]),
        ("regression", "datasets.0.columns.q90", {"role": "quantile", "of": 0.9, "kind": "categorical"},
         ["columns.q90.kind", "a quantile is a number"]),
        ("regression", "reference.benchmark", {"pinball_loss": {"level=0.7": 1}},
         ["unknown level 'level=0.7'", "level=0.5, level=0.9, level=mean"]),
        ("regression", "reference.benchmark", {"share_beyond": {"limit=0.5": 0.1}}, ["'limit=0.5'", "limit=0.1"]),
        ("multiclass", "reference.benchmark", {"recall": {"class=z": 1}}, ["unknown class 'class=z'", "class=a"]),
        ("multiclass", "reference.benchmark", {"recall": {"average=micro": 1}}, ["average=macro, average=weighted"]),
        ("multiclass", "reference.benchmark", {"recall": {"a": 1}}, ["no 'a'", "class=…"]),
        ("multiclass", "reference.benchmark", {"recall": {"class=a": True}}, ["recall.class=a", "got True"]),
        ("multiclass", "reference.benchmark", {"recal": 1}, ["unknown performance metric 'recal'", "mean 'recall'"]),
        ("multiclass", "task.classes", "a", ["task.classes", "1 are too few"]),
        ("multiclass", "policy.rules.0", {"metric": "f1", "min": 0, "parameters": "class=z"}, ["'class=z'", "class=a"]),
        ("multilabel", "task.classes", ["a", ""], ["task.classes.1", "is blank"]),
        ("ranking", "reference.benchmark", {"ndcg": {"at=7": 0.5}}, ["unknown at 'at=7'", "at=1, at=3"]),
        ("ranking", "reference.benchmark", {"ndcg": {"class=a": 0.5}}, ["ranking task have no 'class=a'", "at=…"]),
        ("ranking", "policy.rules.0", {"metric": "ndcg", "min": 0, "parameters": "at=7"}, ["'at=7'", "at=1, at=3"]),
        ("ranking", "task.at", True, ["task.at", "expected a whole number, got True"]),
        ("ranking", "task.at", 0, ["0 is no number of first places"]),
        ("ranking", "task.at", [1, 1], ["1 stands there twice"]),
    ],
)  # fmt: skip
def test_the_error_says_what_to_do_with_the_nearest_name(kind: str, field: str, value: Any, words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_document(given(kind, field, value))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("binary", "task.thresholds", 0.3),
        ("regression", "task.error_limits", 0.1),
        ("ranking", "task.at", 3),
        ("binary", "measurements", "psi"),
        ("binary", "upstream", "default/orders"),
        ("binary", "datasets.0.entity_key", "id"),
        ("binary", "labels.0.key", "id"),
        ("binary", "datasets.0.replay.key", "id"),
        ("binary", "datasets.0.replay.columns", "x"),
        ("binary", "windows", "day"),
        ("binary", "policy.rules.0.columns", "x"),
        ("binary", "policy.rules.0.slices", "c"),
        ("binary", "policy.rules.1.all.0.columns", "x"),
        ("binary", "policy.rules.1.all.0.slices", "c"),
        ("binary", "policy.rules.1.all", {"metric": "psi", "max": 0.1}),
    ],
)
def test_one_alone_is_a_list_of_one(kind: str, field: str, value: Any) -> None:
    alone, listed = (MonitorSpec.from_document(given(kind, field, shape)) for shape in (value, [value]))
    assert alone == listed
