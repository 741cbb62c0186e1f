"""A spec written as YAML or JSON → MonitorSpec; errors name the field, the value and the remedy. Light."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pydantic
import yaml

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.written import is_function
from airflow_ml_monitor.keys import WindowRule
from airflow_ml_monitor.monitor.checks.fields import hint
from airflow_ml_monitor.monitor.checks.trailing import Trailing
from airflow_ml_monitor.monitor.checks.types import check_types
from airflow_ml_monitor.monitor.duration import duration
from airflow_ml_monitor.monitor.spec import MonitorSpec, Owners, Reference
from airflow_ml_monitor.policy.chart import Chart
from airflow_ml_monitor.policy.rule import Bounds, Condition, Policy, Rule
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.file_source import Files, is_catalogued
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.payoff import Payoff, Worth
from airflow_ml_monitor.profile.replay import Replay
from airflow_ml_monitor.profile.spark_source import Spark
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.profile.task import Task

_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Seven times as fast where PyYAML was built with libyaml; a DAG file's parse is little else."""


def read(written: Any, caller: str = "") -> MonitorSpec:
    """The spec that is given as itself, as its document, or as the path of its YAML file."""
    if isinstance(written, MonitorSpec):
        return written
    if isinstance(written, Mapping):
        return validated(written)
    if isinstance(written, (str, os.PathLike)):
        return read_yaml(Path(written), caller)
    kind = type(written).__qualname__
    raise SpecError(f"a {kind} is no spec; give a MonitorSpec, its document, or the path of a YAML file", field="spec")


def read_yaml(path: Path, caller: str = "") -> MonitorSpec:
    """The spec of a YAML file; sources inside it are relative to the file."""
    where = path if path.is_absolute() else Path(caller).parent / path
    if not where.is_file():
        raise SpecError(f"no spec at {str(where)!r}; a relative path is relative to the file that reads it")
    try:
        document = yaml.load(where.read_text(encoding="utf-8"), _SAFE)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise SpecError(f"{path.name} is no YAML{line}: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(document, Mapping):
        raise SpecError(f"{path.name} holds no mapping; begin with 'name: …'")
    return validated(document, where.parent)


def validated(document: Mapping[str, Any], folder: Path | None = None) -> MonitorSpec:
    """The spec of a document; with a folder, relative sources are read from there."""
    shaped = _spec(document, folder)
    check_types(shaped, MonitorSpec)
    try:
        return _adapter().validate_python(shaped)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, SpecError):
            raise cause from None
        field = ".".join(str(part) for part in first["loc"])
        shown = "" if first["type"] == "missing" else f", got {first['input']!r}"
        raise SpecError(f"{first['msg'].lower()}{shown}", field=field) from error


@cache
def _adapter() -> pydantic.TypeAdapter[MonitorSpec]:
    # Made once: that takes ten times as long as reading a spec.
    return pydantic.TypeAdapter(MonitorSpec)


def caller_file(depth: int) -> str:
    """The file of the code that called, `depth` frames up; empty at a prompt."""
    return str(sys._getframe(depth + 1).f_globals.get("__file__", ""))


def _spec(document: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """The document with its shorthands written out; unknown fields are refused."""
    spec = _known(document, MonitorSpec, "")
    zone = ""
    if isinstance(spec.get("datasets"), (list, tuple)):
        spec["datasets"] = [
            _dataset(_known(d, Dataset, f"datasets.{i}"), folder, f"datasets.{i}")
            for i, d in enumerate(spec["datasets"])
        ]
        zone = next((str(d["zone"]) for d in spec["datasets"] if "zone" in d), "")
    for name in ("measurements", "upstream"):
        if name in spec:
            spec[name] = _list(spec[name])
    if isinstance(spec.get("task"), str):
        spec["task"] = {"kind": spec["task"]}
    if isinstance(spec.get("task"), Mapping):
        spec["task"] = _task(_known(spec["task"], Task, "task"))
    if "windows" in spec:
        spec["windows"] = [_window(rule, zone, f"windows.{i}") for i, rule in enumerate(_list(spec["windows"]))]
    if "labels" in spec:
        labels = [_known(s, LabelSource, f"labels.{i}") for i, s in enumerate(_list(spec["labels"]))]
        spec["labels"] = [_label_source(s, folder, f"labels.{i}") for i, s in enumerate(labels)]
    if "reference" in spec:
        reference = spec["reference"]
        reference = (
            _known(reference, Reference, "reference") if isinstance(reference, Mapping) else {"source": reference}
        )
        if reference.get("trailing") is not None:
            reference["trailing"] = _trailing(reference["trailing"])
        spec["reference"] = {**reference, "source": _place(reference.get("source"), folder, "reference.source")}
    if "contract" in spec:
        spec["contract"] = _contract(spec["contract"], folder)
    if isinstance(spec.get("policy"), Mapping):
        policy = _known(spec["policy"], Policy, "policy")
        policy["rules"] = [_rule(r, f"policy.rules.{i}") for i, r in enumerate(_list(policy.get("rules", [])))]
        if "holidays" in policy:
            policy["holidays"] = _list(policy["holidays"])
        if "charts" in policy:
            policy["charts"] = [_chart(c, f"policy.charts.{i}") for i, c in enumerate(_list(policy["charts"]))]
        spec["policy"] = policy
    if isinstance(spec.get("owners"), Mapping):
        spec["owners"] = _known(spec["owners"], Owners, "owners")
    return spec


def _contract(contract: Any, folder: Path | None) -> Any:
    """A contract whose file or project, if it is one, is read from the folder."""
    if isinstance(contract, Mapping) and "failed_rows" in contract and set(contract) == {"suite", "failed_rows"}:
        return {**contract, "suite": _contract(contract["suite"], folder)}
    if isinstance(contract, Mapping) and "gx_project" in contract:
        return {**contract, "gx_project": _located(contract["gx_project"], folder)}
    is_path = isinstance(contract, str) and contract != "inferred" and not is_function(contract)
    return _located(contract, folder) if is_path else contract


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _known(value: Any, kind: type[Any], field: str) -> dict[str, Any]:
    """A mapping whose keys are all fields of a dataclass."""
    if not isinstance(value, Mapping):
        raise SpecError(f"expected a mapping of {kind.__name__}'s fields, got {value!r}", field=field)
    names = [f.name for f in fields(kind)]
    for key in value:
        if key not in names:
            where = "" if field else " at the top level"
            raise SpecError(f"unknown field {key!r}{where}; {hint(str(key), kind)}", field=field)
    return dict(value)


def _place(source: Any, folder: Path | None, field: str) -> Any:
    """A mapping as files, if it has a path, as a table of a database, or as what Spark reads; else as `_located`."""
    if not isinstance(source, Mapping):
        return _located(source, folder)
    if set(source) == {"spark"}:
        return _made(_known(source["spark"], Spark, f"{field}.spark"), Spark, f"{field}.spark")
    if "path" in source:
        files = _known(source, Files, field)
        is_path = not is_catalogued(files["path"], files.get("format"))
        return _made({**files, "path": _located(files["path"], folder)} if is_path else files, Files, field)
    shaped = _known(source, Table, field)
    for name in (f.name for f in fields(Table) if f.name not in shaped):
        told = "is missing; a table is {connection: an Airflow connection, table: schema.name}"
        raise SpecError(told, field=f"{field}.{name}")
    return _made(shaped, Table, field)


def _made(shaped: dict[str, Any], kind: type[Any], field: str) -> Any:
    """The source of a class."""
    check_types(shaped, kind, field)
    try:
        return kind(**shaped)
    except SpecError as error:
        # It says of `source` what is said here of the one that holds it.
        raise SpecError(error.told, field=f"{field}.{error.field.rpartition('.')[2]}") from None


def _located(source: Any, folder: Path | None) -> Any:
    """A relative path under a folder; anything with a scheme, or that is no path, as it is."""
    if folder is None or not isinstance(source, str) or "://" in source or Path(source).is_absolute():
        return source
    return str(folder.resolve() / source)


def _task(task: dict[str, Any]) -> dict[str, Any]:
    """What an outcome is worth may be a number alone: so much a row."""
    for name in ("thresholds", "error_limits", "at", "classes"):
        if name in task:
            task[name] = _list(task[name])
    if task.get("payoff") is not None:
        payoff = _known(task["payoff"], Payoff, "task.payoff")
        task["payoff"] = {
            name: _known(worth if isinstance(worth, Mapping) else {"per_row": worth}, Worth, f"task.payoff.{name}")
            for name, worth in payoff.items()
        }
    return task


def _dataset(dataset: dict[str, Any], folder: Path | None, field: str) -> dict[str, Any]:
    columns = dataset.get("columns", ())
    if isinstance(columns, Mapping):
        shaped = []
        for name, value in columns.items():
            more = value if isinstance(value, Mapping) else {"kind": value}
            shaped.append(_known({"name": name, **more}, Column, f"columns.{name}"))
        dataset["columns"] = shaped
    for name in ("entity_key", "slice_by"):
        if name in dataset:
            dataset[name] = _list(dataset[name])
    if dataset.get("replay") is not None:
        dataset["replay"] = _replay(dataset["replay"], folder, f"{field}.replay")
    return {**dataset, "source": _place(dataset.get("source"), folder, f"{field}.source")}


def _replay(replay: Any, folder: Path | None, field: str) -> dict[str, Any]:
    """A source alone is one with the dataset's own key."""
    is_source = not isinstance(replay, Mapping) or {"connection", "path", "spark"} & set(replay)
    shaped = {"source": replay} if is_source else _known(replay, Replay, field)
    for name in ("key", "columns"):
        if name in shaped:
            shaped[name] = _list(shaped[name])
    return {**shaped, "source": _place(shaped.get("source"), folder, f"{field}.source")}


def _label_source(source: dict[str, Any], folder: Path | None, field: str) -> dict[str, Any]:
    for name in ("key", "by"):
        if name in source:
            source[name] = _list(source[name])
    if "horizon" in source:
        source["horizon"] = duration(source["horizon"], f"{field}.horizon")
    return {**source, "source": _place(source.get("source"), folder, f"{field}.source")}


def _window(rule: Any, zone: str, field: str) -> dict[str, Any]:
    shaped = _known(rule, WindowRule, field) if isinstance(rule, Mapping) else {"unit": rule}
    if zone:
        shaped = {"zone": zone, **shaped}
    if "offset" in shaped:
        shaped["offset"] = duration(shaped["offset"], f"{field}.offset")
    return shaped


def _trailing(trailing: Any) -> dict[str, Any]:
    """A duration alone is the span."""
    field = "reference.trailing"
    shaped = _known(trailing, Trailing, field) if isinstance(trailing, Mapping) else {"span": trailing}
    if "without" in shaped:
        shaped["without"] = _list(shaped["without"])
    return {**shaped, **{name: duration(shaped[name], f"{field}.{name}") for name in ("span", "gap") if name in shaped}}


def _rule(rule: Any, field: str, kind: type[Rule | Condition] = Rule) -> dict[str, Any]:
    """A rule, or one of its conditions, whose bounds may stand beside its other fields."""
    if not isinstance(rule, Mapping):
        raise SpecError(f"expected a mapping such as {{metric: psi, max: 0.2}}, got {rule!r}", field=field)
    names = [f.name for f in fields(Bounds)]
    bounds = {key: value for key, value in rule.items() if key in names}
    shaped = {key: value for key, value in rule.items() if key not in names}
    shaped = _known(shaped, kind, field)
    parts = [how for how in ("all", "any") if shaped.get(how)]
    for how in parts:
        conditions = enumerate(_list(shaped[how]))
        shaped[how] = [_rule(condition, f"{field}.{how}.{i}", Condition) for i, condition in conditions]
    if not parts or bounds or shaped.get("bounds") is not None:
        shaped["bounds"] = {**_known(shaped.get("bounds", {}), Bounds, f"{field}.bounds"), **bounds}
    if shaped.get("bounds") == {}:
        raise SpecError(
            f"the rule on {shaped.get('metric')!r} has no bound; give one of {', '.join(names)}", field=field
        )
    if "columns" in shaped:
        shaped["columns"] = _list(shaped["columns"])
    if isinstance(shaped.get("slices"), str):
        shaped["slices"] = [shaped["slices"]]
    return shaped


def _chart(chart: Any, field: str) -> dict[str, Any]:
    """A metric's name alone is a chart of it."""
    shaped: dict[str, Any] = {"metric": chart} if isinstance(chart, str) else _known(chart, Chart, field)
    if "columns" in shaped:
        shaped["columns"] = _list(shaped["columns"])
    if isinstance(shaped.get("slices"), str):
        shaped["slices"] = [shaped["slices"]]
    return shaped
