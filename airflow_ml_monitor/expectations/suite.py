"""Contracts as suites: plain JSON, checked before data is read. Needs no Great Expectations."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Severity

Rules = Sequence[Mapping[str, Any]]

_KEYS: Final = frozenset({"type", "kwargs", "severity", "meta"})
# Great Expectations writes these into the suites that it stores; they say nothing about the data.
_IGNORED: Final = frozenset({"id", "notes", "description", "rendered_content", "expectation_context"})
# Of one run, not of the rule; ours are fixed so that no value leaks.
_OF_THE_RUN: Final = frozenset({"batch_id", "result_format", "catch_exceptions", "include_config"})


def load_suite(contract: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """A checked copy of a suite, each rule with its severity and a unique `meta.rule_id`.

    contract: a JSON or YAML file, or the document itself. A missing severity is Great Expectations' own default,
    critical. A missing rule_id becomes '<type>:<column>', with '#2' where that is taken. Loading a loaded suite changes
    nothing.
    Raises SpecError. Whether the types exist is known to Great Expectations only: see `engine.check_suite`.
    """
    document = copy.deepcopy(dict(contract)) if isinstance(contract, Mapping) else _read(Path(contract))
    listed = document.get("expectations")
    if not isinstance(listed, list) or not listed:
        raise SpecError(
            "no expectations; an empty suite passes whatever arrives. List at least one, or set contract: null",
            field="contract.expectations",
        )
    rules = [_rule(rule, f"contract.expectations[{i}]") for i, rule in enumerate(listed)]
    _refuse_duplicates(rules)
    _name(rules)
    return {"name": str(document.get("name") or "contract"), "expectations": rules, "meta": document.get("meta") or {}}


def rule_columns(rule: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns whose values a rule reads; none for a rule on the table."""
    kwargs = rule["kwargs"]
    named = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    # In a table rule the list is what the columns should be, not what is read.
    if not str(rule["type"]).startswith("expect_table_") and isinstance(kwargs.get("column_list"), list):
        named += kwargs["column_list"]
    return tuple(str(name) for name in named)


def _read(path: Path) -> Mapping[str, Any]:
    is_yaml = path.suffix in (".yaml", ".yml")
    try:
        text = path.read_text(encoding="utf-8")
        # Through JSON, which has no dates: they become text, as in a suite's JSON file.
        document = json.loads(json.dumps(yaml.safe_load(text), default=str) if is_yaml else text)
    except FileNotFoundError as error:
        raise SpecError(
            f"no file {str(path)!r}; give the path of a suite's JSON or YAML file, a function as "
            "'package.module:name', 'inferred', or the suite itself",
            field="contract",
        ) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        form = "YAML" if is_yaml else "JSON"
        raise SpecError(f"{str(path)!r} is no readable {form}: {error}; repair the file", field="contract") from error
    if not isinstance(document, Mapping):
        raise SpecError(
            f"{str(path)!r} holds a {type(document).__name__}; an object with 'expectations' is needed",
            field="contract",
        )
    return document


def _rule(rule: Any, field: str) -> dict[str, Any]:
    if not isinstance(rule, Mapping):
        raise SpecError(f"{rule!r} is no object; write {{'type': …, 'kwargs': {{…}}}}", field=field)
    if "expectation_type" in rule:
        raise SpecError(
            "this is the form of Great Expectations 0.18; rename 'expectation_type' to 'type' in every rule and "
            "'expectation_suite_name' to 'name'",
            field=f"{field}.expectation_type",
        )
    if unknown := sorted(map(str, set(rule) - _KEYS - _IGNORED)):
        raise SpecError(
            f"unknown key {unknown[0]!r}; a rule has type, kwargs, severity, meta; "
            "arguments such as mostly and row_condition stand in kwargs",
            field=field,
        )
    kind, kwargs, meta = rule.get("type"), rule.get("kwargs", {}), rule.get("meta") or {}
    if not isinstance(kind, str) or not kind:
        raise SpecError(f"{kind!r} is no type; name one, e.g. 'expect_column_values_to_not_be_null'", field=field)
    if not isinstance(kwargs, Mapping) or not isinstance(meta, Mapping):
        raise SpecError("kwargs and meta must be objects", field=field)
    severity = rule.get("severity") or Severity.CRITICAL.value
    if severity not in tuple(Severity):
        raise SpecError(f"{severity!r} is none of {', '.join(Severity)}", field=f"{field}.severity")
    _refuse_arguments(kwargs, field)
    if kind.startswith("expect_table_row_count_to_") and any(isinstance(v, float) for v in kwargs.values()):
        raise SpecError("a number of rows is whole; write it without a decimal point", field=f"{field}.kwargs")
    kept = {key: value for key, value in kwargs.items() if key not in _OF_THE_RUN}
    return {"type": kind, "kwargs": kept, "severity": str(severity), "meta": dict(meta)}


def _refuse_arguments(kwargs: Mapping[str, Any], field: str) -> None:
    """What Great Expectations would accept, and then answer wrongly or not at all."""
    if '"$PARAMETER"' in _text(kwargs):
        raise SpecError("$PARAMETER is not filled in here; write the value", field=f"{field}.kwargs")
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    numbers = all(isinstance(bound, (int, float)) for bound in (low, high))
    if (numbers or (isinstance(low, str) and isinstance(high, str))) and low > high:  # type: ignore[operator]
        raise SpecError(f"min_value {low!r} is above max_value {high!r}; swap them", field=f"{field}.kwargs")


def _refuse_duplicates(rules: Rules) -> None:
    seen: dict[str, int] = {}
    for i, rule in enumerate(rules):
        same = seen.setdefault(_text([rule["type"], rule["kwargs"]]), i)
        if same != i:
            raise SpecError(f"the same rule as expectations[{same}]; remove one", field=f"contract.expectations[{i}]")


def _name(rules: Rules) -> None:
    """Set the missing rule ids, in the suite's order; raise where two rules claim one id."""
    taken: set[str] = set()
    for i, rule in enumerate(rules):
        if "rule_id" in rule["meta"]:
            name = rule["meta"]["rule_id"] = str(rule["meta"]["rule_id"])
            if name in taken:
                raise SpecError(
                    f"{name!r} names two rules; give each its own id", field=f"contract.expectations[{i}].meta.rule_id"
                )
            taken.add(name)
    for rule in rules:
        if "rule_id" in rule["meta"]:
            continue
        stem = name = ":".join(filter(None, (rule["type"], ",".join(rule_columns(rule)))))
        number = 1
        while name in taken:
            number += 1
            name = f"{stem}#{number}"
        taken.add(name)
        rule["meta"]["rule_id"] = name


def _text(document: Any) -> str:
    return json.dumps(document, sort_keys=True, default=str)
