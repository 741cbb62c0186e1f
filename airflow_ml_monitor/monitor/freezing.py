"""How a reference is frozen: its buckets, profile, labels and own numbers, under the name of what they depend on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from airflow_ml_monitor import __version__
from airflow_ml_monitor.errors import DataFault, ReferenceMismatch, ScanError
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.monitor.checks.compared import Benchmark, check_named, stated
from airflow_ml_monitor.monitor.measure import column_rows, labelled_metrics, labelled_rows, score_rows
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run
from airflow_ml_monitor.profile.codec import encode_entries, encode_profile
from airflow_ml_monitor.profile.dataset import Dataset, Role
from airflow_ml_monitor.profile.fitting import fitted
from airflow_ml_monitor.profile.layout import digest
from airflow_ml_monitor.store.records import REFERENCE_STAGE, ReferenceRecord


def freeze(monitor: Monitor, known_at: datetime, *, again: bool = False) -> dict[str, str]:
    """Freeze the reference of every dataset that has none; the digest of each.

    again: freeze anew; if its bytes or columns changed, the new reference counts from the end of what was measured
    before.
    """
    document = monitor.document
    monitor.store.register_spec(monitor.key, digest(document), document, known_at)
    return {dataset.name: frozen(monitor, dataset, known_at, again=again) for dataset in monitor.spec.datasets}


def frozen(monitor: Monitor, dataset: Dataset, known_at: datetime, *, again: bool = False) -> str:
    """The digest of the dataset's newest reference, which is frozen now if there is none, or if asked `again`."""
    check_named(monitor.spec)
    known = [name for _, name in monitor.store.references(monitor.key, dataset.name)]
    if known and not again:
        return known[-1]
    wanted = monitor.spec.reference
    window = Window(wanted.start or EVER.start, wanted.end or EVER.end) if wanted.start or wanted.end else EVER
    source = replace(dataset, source=wanted.source, sampling_fraction=1.0)
    fingerprint = monitor.engine.fingerprints(source, [window])[0]
    document = monitor.spec.document()
    task = document["task"]
    told = [document["reference"]["benchmark"]] if wanted.benchmark else []
    told += [*besides(dataset), *([["label_moments", True]] if dataset.label_moments else [])]
    name = digest([fingerprint, meaning(dataset), str(window), wanted.label, task, __version__, *told])
    if known and known[-1].startswith(name):
        return known[-1]
    # One that comes back after another is a reference of its own: A, B, A are three.
    earlier = sum(one.startswith(name) for one in known)
    try:
        _freeze(monitor, source, window, (f"{name}-{earlier}" if earlier else name, fingerprint), known_at)
    except DataFault as fault:
        raise ReferenceMismatch(
            f"none can be frozen from {document['reference']['source']!r}: {fault.reason}; mend its data or its source",
            field="reference",
        ) from fault
    return monitor.store.references(monitor.key, dataset.name)[-1][1]


def _freeze(monitor: Monitor, source: Dataset, window: Window, named: tuple[str, str], known_at: datetime) -> None:
    layout, profile = fitted(monitor.engine, source, window)
    labels = None
    # Stages before the model have nothing to compare a label with.
    if (wanted := monitor.spec.reference.label) and source.roles & {Role.SCORE, Role.PREDICTION}:
        labels = monitor.engine.reference_entries(source, monitor.spec.task, layout, wanted, window)
    check_unchanged(monitor, source, window, named[1])
    record = ReferenceRecord(
        digest=named[0],
        dataset=source.name,
        layout=layout.document(),
        profile=encode_profile(profile),
        labels=encode_entries(labels) if labels else None,
        frozen_at=known_at,
        fingerprint=named[1],
    )
    _write_reference_values(monitor, source, FrozenReference(named[0], layout, profile, labels), known_at)
    monitor.store.save_reference(monitor.key, record)


def _write_reference_values(monitor: Monitor, dataset: Dataset, reference: FrozenReference, known_at: datetime) -> None:
    """The reference's own numbers, which relative bounds are drawn from: of every metric, as rules may change."""
    profile, layout = reference.profile, reference.layout
    quality = column_rows(profile, layout, Family.QUALITY) + score_rows(profile, layout, dataset, monitor.spec.task)
    rows = {Family.QUALITY: quality}
    if reference.labels is not None:
        views = {s: reference.labels.view(monitor.spec.task, s) for s in profile.slices}
        chosen = labelled_metrics(monitor.spec.task, dataset)
        rows[Family.PERFORMANCE] = labelled_rows(views, chosen)
    if told := _stated(monitor.spec.reference.benchmark):
        places = {(row.metric, row.slice, row.parameters) for row in told}
        found = rows.get(Family.PERFORMANCE, [])
        rest = [row for row in found if (row.metric, row.slice, row.parameters) not in places]
        rows[Family.PERFORMANCE] = [*told, *rest]
    run = Run(Window(EVER.start, known_at), monitor.spec.windows[0], known_at)
    heads = {f: HeadKey(f, dataset.name, REFERENCE_STAGE, EVER, REFERENCE_STAGE, "", reference.digest) for f in rows}
    monitor.write([monitor.numbers(heads[f], run, [reference.digest], measured) for f, measured in rows.items()])


def _stated(benchmark: Benchmark) -> list[Measurement]:
    """A benchmark as the reference's own values: no row is behind them here."""
    return [
        Measurement(name, Status.OK, Estimate(value, 0), "stated as the benchmark", parameters=parameters)
        for name, parameters, value in stated(benchmark)
    ]


def meaning(dataset: Dataset) -> list[Any]:
    """What a dataset's numbers depend on, besides its bytes."""
    columns = [[c.name, c.kind, c.role, *([c.of] if c.of != "" else [])] for c in dataset.columns]
    return [dataset.name, columns, dataset.event_time, dataset.zone, dataset.entity_key, dataset.slice_by]


def besides(dataset: Dataset) -> list[Any]:
    """What a profile depends on besides, where it keeps rows, or nothing of columns together."""
    rows = [["sample_rows", dataset.sample_rows]] if dataset.sample_rows else []
    return rows if dataset.second_moments else [*rows, ["second_moments", False]]


def check_unchanged(monitor: Monitor, dataset: Dataset, window: Window, fingerprint: str) -> None:
    """The key says which bytes were read: those that were there before and after."""
    if monitor.engine.fingerprints(dataset, [window])[0] != fingerprint:
        raise ScanError(f"the source of {dataset.name!r} changed while being read; run the task again")
