"""What a field is called that a section of a spec does not have, or in which section it belongs. Light, as spec.py."""

from __future__ import annotations

import difflib
from dataclasses import fields
from typing import Any, Final

from airflow_ml_monitor.keys import WindowRule
from airflow_ml_monitor.monitor.checks.trailing import Trailing
from airflow_ml_monitor.monitor.spec import MonitorSpec, Owners, Reference
from airflow_ml_monitor.policy.chart import Chart
from airflow_ml_monitor.policy.rule import Bounds, Policy, Rule
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.replay import Replay
from airflow_ml_monitor.profile.task import Task

_SECTIONS: Final[dict[str, tuple[type[Any], ...]]] = {
    "at the top level": (MonitorSpec,),
    "in an entry of datasets": (Dataset,),
    "in a column of datasets": (Column,),
    "in replay of a dataset": (Replay,),
    "in an entry of labels": (LabelSource,),
    "in reference": (Reference,),
    "in reference.trailing": (Trailing,),
    "in task": (Task,),
    "in windows": (WindowRule,),
    "in policy": (Policy,),
    "in an entry of policy.rules": (Rule, Bounds),
    "in an entry of policy.charts": (Chart,),
    "in owners": (Owners,),
}
"""What is written in them, from what is asked for most."""


def hint(key: str, kind: type[Any]) -> str:
    """What to write instead of a field that a section's class does not have.

    >>> hint("naem", MonitorSpec)
    "did you mean 'name'?"
    >>> hint("slice_by", MonitorSpec), hint("horizon", Dataset)
    ('it belongs in an entry of datasets', 'it belongs in an entry of labels')
    >>> hint("dataset", MonitorSpec)
    "did you mean 'datasets'? Else it belongs in an entry of labels"
    >>> hint("slice_bye", MonitorSpec)
    "did you mean 'slice_by'? It belongs in an entry of datasets"
    """
    names = [f.name for f in fields(kind)]
    places = _places(key)
    # A field of another section is likelier moved than misspelt, but for one letter: 'dataset'.
    near = _near(key, names, 0.85 if places else 0.6)
    if near:
        return f"did you mean {near!r}?" + (f" Else it belongs {places}" if places else "")
    if places:
        return f"it belongs {places}"
    if elsewhere := _near(key, [f.name for kinds in _SECTIONS.values() for one in kinds for f in fields(one)]):
        return f"did you mean {elsewhere!r}? It belongs {_places(elsewhere)}"
    return f"known: {', '.join(names)}"


def _places(key: str) -> str:
    """The sections that have a field, in words; empty where none has."""
    found = [where for where, kinds in _SECTIONS.items() if any(key == f.name for kind in kinds for f in fields(kind))]
    return " or ".join(found)


def _near(key: str, names: list[str], alike: float = 0.6) -> str:
    return next(iter(difflib.get_close_matches(key, names, n=1, cutoff=alike)), "")
