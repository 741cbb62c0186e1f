"""The contract of a dataset, inferred from a reference's rows and from when its own rows came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from airflow_ml_monitor.errors import MonitorError
from airflow_ml_monitor.expectations.feed import Feed
from airflow_ml_monitor.expectations.infer import infer_suite
from airflow_ml_monitor.keys import EVER, Window, WindowRule
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.guess import MISSING, Guesses
from airflow_ml_monitor.profile.dataset import Column, Dataset, Role
from airflow_ml_monitor.profile.engines.chosen import Chosen
from airflow_ml_monitor.profile.queries.preview_query import STEP

_NOT_THERE: Final = ("not in the predictions", "holds no value in the reference")
"""Why a column was left out of a draft: of such a one nothing can be asked."""


def contract_of_spec(spec: MonitorSpec) -> dict[str, Any]:
    """The contract of a spec's first dataset. Raises ReferenceMismatch, NoSource where its reference cannot be read.

    Looked at are the columns that it declares, its key and its event time; the feed is the dataset itself.
    """
    dataset, wanted = spec.dataset(), spec.reference
    window = Window(wanted.start or EVER.start, wanted.end or EVER.end) if wanted.start or wanted.end else EVER
    columns = [*_looked(dataset.columns), *dataset.entity_key, dataset.event_time]
    suite = _inferred(replace(dataset, source=wanted.source), window, columns, feed_of(dataset, spec.rule()))
    return {**suite, "name": spec.name}


def contract_of_guesses(reference: Any, feed: Any, guessed: Guesses, name: str) -> dict[str, Any]:
    """The contract of a draft. reference: the rows that were looked at; feed: where a day's rows lie, or the reference.

    Looked at are, besides the guessed columns, those that were left out of the monitor, but not of the predictions.
    Raises ReferenceMismatch where a declared column is not in the reference yet.
    """
    columns = tuple(Column(c.name, c.kind, c.role, c.of) for c in guessed.columns if c.name != MISSING)
    key = tuple(part for part in guessed.entity_key.value if part != MISSING)
    dataset = Dataset("reference", reference, columns, event_time="", entity_key=key)
    left_out = [c for c, why in guessed.left_out.items() if why not in _NOT_THERE]
    looked = [*_looked(columns), *left_out, *key, str(guessed.event_time.value)]
    at = replace(dataset, source=feed, columns=(), event_time=str(guessed.event_time.value), zone=guessed.zone.value)
    suite = _inferred(dataset, EVER, looked, feed_of(at, WindowRule(guessed.unit.value, guessed.zone.value)))
    return {**suite, "name": name}


def _looked(columns: Sequence[Column]) -> list[str]:
    """Names; a model's version is to change."""
    return [column.name for column in columns if column.role is not Role.VERSION]


def feed_of(dataset: Dataset, rule: WindowRule) -> Feed | None:
    """When the rows of a dataset came; None where it cannot be read, or has no times."""
    try:
        seen = Chosen().preview(dataset)
    except MonitorError:
        return None
    return Feed.of(seen.steps, rule, dataset.event_time, timedelta(seconds=STEP))


def _inferred(reference: Dataset, window: Window, columns: Sequence[str], feed: Feed | None) -> dict[str, Any]:
    engine = Chosen()
    layout = engine.layout(reference, window)
    profile = engine.profile(replace(reference, entity_key=()), layout, window)
    return infer_suite(layout, profile, engine.look(reference, window, columns), feed)
