"""Stored profiles, decoded: a column in the reference and in the window."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.coarse import coarse, coarse_layout
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.views import ColumnView, PairView
from airflow_ml_monitor.report.scope import Scope


@dataclass(frozen=True, slots=True)
class Profiles:
    """A dataset in the reference and in a window, cut into the same buckets."""

    layout: Layout
    reference: Profile
    current: Profile

    def pair(self, column: str) -> PairView | None:
        """One column in both; None where it has no buckets, or came broken."""
        if column not in self.layout:
            return None
        try:
            sides = [ColumnView.of(profile, self.layout, column) for profile in (self.reference, self.current)]
        except DataFault:
            return None
        return PairView(*sides)


def profiles_of(scope: Scope, dataset: str, reference: str) -> Profiles | None:
    """The stored profiles of the page's window, as known at the page's moment, and of a reference; None where one is
    missing. Of a window that is kept coarse by now both are."""
    frozen = scope.store.reference(scope.monitor, reference)
    seen = scope.store.profiles_seen(scope.monitor, dataset, str(scope.rule), scope.window, scope.as_of)
    if frozen is None or not seen:
        return None
    layout = Layout.from_document(frozen.layout)
    if seen[0].layout_digest != layout.digest:
        return None
    past, old = decode_profile(frozen.profile), coarse_layout(layout)
    if stored := scope.store.profile(scope.monitor, seen[0]):
        return Profiles(layout, past, decode_profile(stored))
    if stored := scope.store.profile(scope.monitor, replace(seen[0], layout_digest=old.digest)):
        return Profiles(old, coarse(past, layout), decode_profile(stored))
    return None
