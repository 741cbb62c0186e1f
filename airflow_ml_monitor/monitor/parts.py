"""One window scanned in parts by several tasks, and put together by the last: what one scan of the whole leaves.

Cells add. What does not is looked at once more by the last task, of few columns: keys that come again in another part,
and new categories of which no part has enough rows. It counts the rows, too: parts that overlap, or leave rows out, are
refused, and the window says so. Where parts arrived broken they say nothing of the whole, and it is scanned. How
products scatter each scan tells by some of its rows (`profile.scatter`): intervals of correlations and components are
not those of one scan to the last digit.

A part is stored under the window's place and inputs of its own, and nobody sees it there: it is no window's profile.
Its name has its bytes in it, so one whose data changed since is as good as missing; it goes once the whole is there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

from airflow_ml_monitor.errors import ScanError, SpecError
from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import Family, Measurement, Status
from airflow_ml_monitor.monitor.freezing import check_unchanged, frozen
from airflow_ml_monitor.monitor.parting import Part, gap_of
from airflow_ml_monitor.monitor.profiling import profiled, profiled_by, window_key
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.files import files_of, holding
from airflow_ml_monitor.profile.layout import OTHER, RARE, Layout, digest
from airflow_ml_monitor.profile.traces import MOST_UNSEEN
from airflow_ml_monitor.store.records import ProfileKey

PART: Final = "part/"
"""What the inputs of a profile begin with that is of a part of its window."""
_NAMED: Final = 5
"""So many missing parts are named, of more the first."""


def scan_part(monitor: Monitor, run: Run, part: Part) -> dict[str, Any]:
    """Profile one part of the window, for `merge_parts`; what was scanned, by dataset. What is stored is not again."""
    _check_rule(run)
    monitor, found = monitor.at(run.window, run.known_at), {}
    for dataset in part.datasets(monitor.spec):
        frozen(monitor, dataset, run.known_at)
        share, span = part.share_of(dataset, run.window)
        if span is None:
            continue
        whole, _ = window_key(monitor, dataset, run)
        key, fingerprint = _key(monitor, dataset, run, part)
        if monitor.store.profile(monitor.key, whole) or monitor.store.profile(monitor.key, key):
            found[dataset.name] = {"part": str(part), "scanned": False}
            continue
        layout = monitor.reference(dataset, run.window).layout
        made = monitor.engine.profile(share, layout, span, among=part.among)
        check_unchanged(monitor, share, span, fingerprint)
        monitor.store.archive.swap_profiles(monitor.key, [], [(key, encode_profile(made))])
        found[dataset.name] = {"part": str(part), "scanned": True, "rows": made.population}
    return found


def merge_parts(monitor: Monitor, run: Run, parts: Sequence[Part]) -> dict[str, Any]:
    """The window's profile from its parts, stored as a scan's is; rows by dataset, and what arrived wrong.

    A dataset of which nothing is a part is scanned. ScanError where a part is missing, or its data changed since: the
    window then says so, and has no other number.
    """
    _check_rule(run)
    monitor, found = monitor.at(run.window, run.known_at), {}
    of = [(part, [dataset.name for dataset in part.datasets(monitor.spec)]) for part in parts]
    for dataset in monitor.spec.datasets:
        mine = [part for part, names in of if dataset.name in names]
        _check_files(dataset, run.window, mine)
        if mine:
            _merge(monitor, dataset, run, mine)
        _, profile, reference = profiled(monitor, dataset, run)
        found[dataset.name] = {
            "rows": profile.population,
            "faults": len(profile.faults),
            "reference": reference.digest,
        }
    return found


def _merge(monitor: Monitor, dataset: Dataset, run: Run, parts: Sequence[Part]) -> None:
    """Store the whole, unless it is there."""
    frozen(monitor, dataset, run.known_at)
    whole, fingerprint = window_key(monitor, dataset, run)
    mine = [part for part in parts if part.share_of(dataset, run.window)[1]]
    keys = [_key(monitor, dataset, run, part)[0] for part in mine]
    read = [monitor.store.profile(monitor.key, key) for key in keys]
    # Asked for last: whoever stores the whole lets go of its parts.
    if monitor.store.profile(monitor.key, whole) is None:
        if gap := gap_of(mine):
            _refuse(monitor, dataset, run, gap, "give a part for each value, and one for all others: {other_than: […]}")
        if missing := [str(part) for part, payload in zip(mine, read, strict=True) if payload is None]:
            reason = _missing(missing, len(keys))
            _keep(monitor, dataset, run, missing, reason)
            told = "they failed, or their data changed since; clear their tasks, then this one"
            raise ScanError(f"{dataset.name!r} in {run.window}: {reason}; {told}")
        made = _whole(monitor, dataset, run, [decode_profile(payload) for payload in read if payload])
        check_unchanged(monitor, dataset, run.window, fingerprint)
        monitor.store.save_profile(monitor.key, whole, encode_profile(made), run.known_at)
    monitor.store.archive.drop_profiles(monitor.key, keys)


def _check_files(dataset: Dataset, window: Window, parts: Sequence[Part]) -> None:
    """SpecError where files that may hold the window's rows are in two parts, or in none. Of tables, their rows are
    counted in the end."""
    sources = [part.source for part in parts if part.source is not None]
    if not sources or not all(isinstance(source, (str, os.PathLike)) for source in (*sources, dataset.source)):
        return
    mine, every = (
        Counter(
            os.path.abspath(file.path)
            for source in some
            for file in holding(files_of(source), dataset.event_time, dataset.zone, window)
        )
        for some in (sources, [dataset.source])
    )
    for found, why in ((mine - every, "in a part too many"), (every - mine, "in no part")):
        if found:
            told = f"{min(found)!r} of {dataset.name!r} is {why}"
            raise SpecError(f"{told}; give parts that hold each file of its source once", field="parts")


def _key(monitor: Monitor, dataset: Dataset, run: Run, part: Part) -> tuple[ProfileKey, str]:
    """(where a part is stored, the fingerprint of what it reads)."""
    share, span = part.share_of(dataset, run.window)
    assert span is not None  # one without time is not stored
    fingerprint = monitor.engine.fingerprints(share, [span])[0]
    inputs = PART + digest([fingerprint, *profiled_by(dataset), str(span), str(part)])
    layout = monitor.reference(dataset, run.window).layout
    return ProfileKey(dataset.name, str(run.rule), run.window, layout.digest, inputs), fingerprint


def _whole(monitor: Monitor, dataset: Dataset, run: Run, parts: Sequence[Profile]) -> Profile:
    """What one scan would leave."""
    layout = monitor.reference(dataset, run.window).layout
    if any(part.faults for part in parts):
        return monitor.engine.profile(dataset, layout, run.window)
    total = replace(Profile.total(parts), window=run.window)
    named = [b for b in layout.binnings if b.kind is Kind.CATEGORICAL and _is_unclear(total, b.column)]
    columns = tuple(column for column in dataset.columns if column.name in {b.column for b in named})
    bare = replace(dataset, columns=columns, slice_by=(), sample_rows=0)
    look = monitor.engine.profile(bare, Layout(tuple(named), ()), run.window)
    if (there := look.population) != (rows := total.population):
        reason = f"the parts hold {rows:,} rows, and the window has {there:,}"
        _refuse(monitor, dataset, run, reason, "give parts that do not overlap and leave nothing out")
    unseen = {name: values for name, values in total.traces.unseen.items() if name not in {b.column for b in named}}
    traces = replace(total.traces, columns=look.traces.columns, unseen={**unseen, **look.traces.unseen})
    return replace(total, duplicates=look.duplicates, traces=traces)


def _is_unclear(total: Profile, column: str) -> bool:
    """True where values without a bucket may have enough rows in all parts together, and in none alone."""
    other, values = total.cells[WHOLE, column].at(OTHER), total.traces.unseen.get(column, {})
    return len(values) > MOST_UNSEEN or (other >= RARE and sum(values.values()) < other)


def _missing(parts: Sequence[str], count: int) -> str:
    """Which of so many parts are not there, in words."""
    if len(parts) > _NAMED:
        return f"{len(parts)} of {count} parts are not there: {', '.join(parts[:_NAMED])} …"
    return f"of {count} parts {', '.join(parts)} {'is' if len(parts) == 1 else 'are'} not there"


def _refuse(monitor: Monitor, dataset: Dataset, run: Run, reason: str, told: str) -> NoReturn:
    """Say of a window that these parts do not make it up, and raise."""
    _keep(monitor, dataset, run, [reason], reason)
    raise SpecError(f"{dataset.name!r} in {run.window}: {reason}; {told}", field="parts")


def _keep(monitor: Monitor, dataset: Dataset, run: Run, about: list[Any], reason: str) -> None:
    """A row with the reason in the place of the window's quality."""
    whole, _ = window_key(monitor, dataset, run)
    inputs = [whole.input_digest, whole.layout_digest, about]
    head = monitor.head(Family.QUALITY, dataset, run, monitor.reference(dataset, run.window))
    rows = [Measurement("row_count", Status.FAILED, None, reason)]
    monitor.write([monitor.numbers(head, run, inputs, rows)])


def _check_rule(run: Run) -> None:
    if run.rule.added:
        told = f"a {run.rule.unit} that is added up from its days is not scanned; leave part and parts out"
        raise SpecError(told, field="parts")
