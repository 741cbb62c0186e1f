"""Stored profiles → one of a longer span: quarters, rolling references, last year's week. Nothing is scanned.

Days add up, and so do their weeks: a calendar week that was added once is kept, under its rule and its days' inputs, so
that ninety days tomorrow are twelve weeks and a few days. One of whose days is mended is another week.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import compress, groupby
from typing import Final

from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
from airflow_ml_monitor.profile.cells import Profile, drawn_alike
from airflow_ml_monitor.profile.coarse import coarse, coarse_layout
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.layout import Layout, digest
from airflow_ml_monitor.store.records import ProfileKey
from airflow_ml_monitor.store.repository import MetricsStore

SUM_OF_DAYS: Final = "days/"
"""What the inputs of a week begin with that was added up from its days."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored of a span, added up. layout: its buckets. windows: those that are in it; others are missing."""

    profile: Profile
    layout: Layout
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where profiles are stored: of a dataset, by a window rule."""

    store: MetricsStore
    monitor: str
    dataset: str
    rule: WindowRule


def stored_total(
    place: Place, span: Window, as_of: datetime | None = None, *, is_coarse: bool | None = None
) -> Stored | None:
    """All rows of the windows that lie wholly in a span, as known now or at a moment; None without any.

    Of the layout of the newest window: where a reference was frozen in between the others do not add. is_coarse: in the
    buckets in which old profiles are kept (`monitor.retention`); None: where one of the windows is kept in no others.
    """
    keys = place.store.profiles_seen(place.monitor, place.dataset, str(place.rule), span, as_of)
    layout = layouts_of(place.store, place.monitor).get(keys[0].layout_digest) if keys else None
    if layout is None:
        return None
    alike = [key for key in reversed(keys) if key.layout_digest == layout.digest]
    found = None if is_coarse else total_of(place, layout, alike)
    if is_coarse or (is_coarse is None and (found is None or len(found.windows) < len(alike))):
        old = total_of(place, layout, alike, is_coarse=True)
        found = old if found is None or (old and len(old.windows) > len(found.windows)) else found
    return found


def layouts_of(store: MetricsStore, monitor: str) -> dict[str, Layout]:
    """Every layout that a reference of a monitor brought, by its digest."""
    documents = [version.document for version in store.spec_versions(monitor)]
    names = dict.fromkeys(dataset["name"] for document in documents for dataset in document.get("datasets", ()))
    digests = [name for dataset in names for _, name in store.references(monitor, dataset)]
    records = (store.reference(monitor, name) for name in digests)
    layouts = (Layout.from_document(record.layout) for record in records if record is not None)
    return {layout.digest: layout for layout in layouts}


def sum_of(keys: Sequence[ProfileKey], rule: WindowRule, layout_digest: str) -> ProfileKey:
    """The key of the sum of a week's days, in their order."""
    inputs = digest([[str(key.window), key.input_digest] for key in keys])
    window = rule.containing(keys[0].window.start)
    return ProfileKey(keys[0].dataset, str(rule), window, layout_digest, SUM_OF_DAYS + inputs)


def total_of(place: Place, layout: Layout, keys: Sequence[ProfileKey], *, is_coarse: bool = False) -> Stored | None:
    """The sum of some windows of one layout, oldest first; those that are no longer kept are missing from its windows,
    and those whose rows were drawn by another fraction than the newest's. None of none."""
    parts: list[tuple[Profile, Collection[Window]]] = []
    own = coarse_layout(layout) if is_coarse else layout
    for _, of in groupby(keys, lambda key: _week(place.rule).containing(key.window.start)):
        days = list(of)
        summed = sum_of(days, _week(place.rule), own.digest)
        is_whole = len(days) == 7 and place.rule.unit is WindowUnit.DAY
        # Of a week that was pruned only some days may have been profiled: it has a sum all the same.
        if place.rule.unit is WindowUnit.DAY and (payload := place.store.profile(place.monitor, summed)):
            parts.append((decode_profile(payload), [key.window for key in days]))
            continue
        read = {key.window: made for key in days if (made := _read(place, layout, key, is_coarse=is_coarse))}
        if is_whole and len(read) == 7 and all(drawn_alike([*read.values()])):
            week = replace(Profile.total(list(read.values())), window=summed.window)
            place.store.archive.swap_profiles(place.monitor, [], [(summed, encode_profile(week))])
            parts.append((week, read))
        else:
            parts += [(made, (window,)) for window, made in read.items()]
    alike = [*compress(parts, drawn_alike([part for part, _ in parts]))]
    if not alike:
        return None
    return Stored(Profile.total([part for part, _ in alike]), own, tuple(w for _, windows in alike for w in windows))


def _read(place: Place, layout: Layout, key: ProfileKey, *, is_coarse: bool) -> Profile | None:
    if payload := place.store.profile(place.monitor, key):
        made = decode_profile(payload)
        return coarse(made, layout) if is_coarse else made
    kept = replace(key, layout_digest=coarse_layout(layout).digest)
    payload = place.store.profile(place.monitor, kept) if is_coarse else None
    return decode_profile(payload) if payload else None


def _week(rule: WindowRule) -> WindowRule:
    return replace(rule, unit=WindowUnit.WEEK)
