"""Old profiles → coarse ones, and their days → weeks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

from airflow_ml_monitor.errors import StoreError
from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
from airflow_ml_monitor.monitor.faults import EARLIER
from airflow_ml_monitor.monitor.retention.ages import Ages, Gone
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.stored import SUM_OF_DAYS, layouts_of, sum_of
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.coarse import coarse, coarse_layout
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.report.calendar import rule_of
from airflow_ml_monitor.store.records import ProfileKey, StoredProfile
from airflow_ml_monitor.store.repository import MetricsStore

_WINDOWS: Final = 20
"""So many windows' profiles in one transaction."""

_Place = tuple[str, str, Window, str]
"""(dataset, rule, window, layout)."""


@dataclass(frozen=True, slots=True)
class _Swap:
    """Profiles that go, and what stands in their place."""

    what: str
    gone: tuple[StoredProfile, ...]
    key: ProfileKey | None = None
    profile: Profile | None = None

    def told(self, monitor: str, size: int) -> Gone:
        span = Window(min(p.key.window.start for p in self.gone), max(p.key.window.end for p in self.gone))
        return Gone(monitor, "profile", self.what, len(self.gone), sum(p.size for p in self.gone) - size, span)


def prune_profiles(store: MetricsStore, monitor: str, ages: Ages, dry_run: bool) -> Iterator[Gone]:
    """Old profiles made coarse, days made weeks, what was superseded deleted."""
    archive, layouts, ages = store.archive, layouts_of(store, monitor), _looked_back(store, monitor, ages)
    every = archive.profiles(monitor)
    places: dict[tuple[str, str], list[StoredProfile]] = defaultdict(list)
    for one in every:
        places[one.key.dataset, one.key.rule].append(one)
    sums: dict[_Place, list[StoredProfile]] = defaultdict(list)
    for one in every:
        if one.key.input_digest.startswith(SUM_OF_DAYS):
            sums[_place(one.key)].append(one)
    for (_, rule), stored in places.items():
        swaps = _Swaps(store, monitor, layouts, ages, archive.now, sums).of(stored, rule_of(rule))
        while some := list(islice(swaps, _WINDOWS)):
            made = [(one.key, encode_profile(one.profile)) for one in some if one.key and one.profile]
            sizes = {key: len(payload) for key, payload in made}
            if not dry_run:
                archive.swap_profiles(monitor, [p.scan for one in some for p in one.gone], made)
            yield from (one.told(monitor, sizes[one.key] if one.key else 0) for one in some)


def _looked_back(store: MetricsStore, monitor: str, ages: Ages) -> Ages:
    """Ages that leave what a trailing reference is made of, or will be added up to a window that is not over long."""
    versions = store.spec_versions(monitor)
    if not versions or not _looks_back(versions[-1].document):
        return ages
    spec, now = MonitorSpec.from_document(versions[-1].document), store.archive.now
    reaches = [now - rule.last_before(now).start for rule in spec.windows if rule.added]
    reaches += [spec.reference.trailing.reach] if spec.reference.trailing else []
    return replace(ages, profiles=max(ages.profiles, *reaches), weeks=max(ages.weeks, *reaches)) if reaches else ages


def _looks_back(document: Mapping[str, Any]) -> bool:
    """Whether a spec, of whatever release, says that stored windows are added up."""
    rules = document.get("windows") or ()
    return bool((document.get("reference") or {}).get("trailing")) or any(rule.get("added") for rule in rules)


def _place(key: ProfileKey) -> _Place:
    return key.dataset, key.rule, key.window, key.layout_digest


@dataclass(frozen=True, slots=True)
class _Swaps:
    """What becomes of the profiles of one dataset and window rule. sums: where days have been added up before."""

    store: MetricsStore
    monitor: str
    layouts: Mapping[str, Layout]
    ages: Ages
    now: datetime
    sums: Mapping[_Place, Sequence[StoredProfile]]

    def of(self, stored: Sequence[StoredProfile], rule: WindowRule) -> Iterator[_Swap]:
        # Without its layout a profile cannot be made coarse: it stays.
        coarse_digests = {coarse_layout(layout).digest for layout in self.layouts.values()} - {*self.layouts}
        fine = [one for one in stored if one.key.layout_digest in self.layouts]
        old = self._old(fine)
        yield from (_Swap("superseded profiles", (one,)) for one in old if not one.is_newest)
        going = [one for one in old if one.is_newest]
        kept = {one.scan for one in fine} - {one.scan for one in old}
        going += [one for one in stored if one.key.layout_digest in coarse_digests and rule.unit is WindowUnit.DAY]
        # What was made anew since it went goes again; of a window the newest counts.
        windows: dict[Window, list[StoredProfile]] = defaultdict(list)
        for one in sorted(going, key=lambda one: (one.is_newest, one.saved_at), reverse=True):
            windows[one.key.window].append(one)
        week = replace(rule, unit=WindowUnit.WEEK)
        waiting = {week.containing(one.key.window.start) for one in fine if one.is_newest and one.scan in kept}
        weeks: dict[Window, list[list[StoredProfile]]] = defaultdict(list)
        for window, of in sorted(windows.items()):
            within = week.containing(window.start)
            is_due = rule.unit is WindowUnit.DAY and within.end <= self.now - self.ages.weeks
            if is_due and within not in waiting:
                weeks[within].append(of)
            else:
                yield from self._coarse(of)
        for window, days in sorted(weeks.items()):
            yield from self._added(week, window, days)

    def _old(self, fine: Sequence[StoredProfile]) -> list[StoredProfile]:
        """Those that nobody looks back at as they are."""
        before = self.now - self.ages.profiles
        older = sorted({one.key.window for one in fine if one.key.window.end <= before})
        gone = set(older[: max(len(older) - EARLIER, 0)])
        return [one for one in fine if one.key.window in gone and one.saved_at <= before]

    def _coarse(self, of: Sequence[StoredProfile]) -> Iterator[_Swap]:
        """A window's newest profile made coarse, in the place of all it has."""
        newest, made = of[0], self._read(of[0])
        key = replace(newest.key, layout_digest=made.layout_digest)
        if gone := tuple(one for one in of if one.key != key):
            yield _Swap("profiles made coarse", gone, key, made)

    def _added(self, rule: WindowRule, window: Window, days: Sequence[Sequence[StoredProfile]]) -> Iterator[_Swap]:
        """The days of a week as one profile for each layout, in the place of sums of what was known before.

        Of a week that has its sum, and of which a few days were read again since, the sum stays: the rest has gone.
        """
        layouts: dict[tuple[str, float], list[tuple[StoredProfile, Profile]]] = defaultdict(list)
        for newest, *others in days:
            made = self._read(newest)
            layouts[made.layout_digest, made.draw.fraction if made.draw else 1.0].append((newest, made))
            yield from (_Swap("superseded profiles", (one,)) for one in others)
        for (name, _), parts in layouts.items():
            gone = tuple(one for one, _ in parts)
            key = sum_of([one.key for one in gone], rule, name)
            added = replace(Profile.total([made for _, made in parts]), window=window)
            before = self.sums.get(_place(key), ())
            if before and len(parts) < 7:
                yield _Swap("days made weeks", gone)
            else:
                yield _Swap("days made weeks", (*gone, *(one for one in before if one.key != key)), key, added)

    def _read(self, one: StoredProfile) -> Profile:
        payload = self.store.profile(self.monitor, one.key)
        if payload is None:
            raise StoreError(f"the profile of {one.key.window} went while it was read; prune once at a time")
        made, layout = decode_profile(payload), self.layouts.get(one.key.layout_digest)
        return coarse(made, layout) if layout else made
