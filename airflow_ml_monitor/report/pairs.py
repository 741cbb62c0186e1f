"""Stored profiles, decoded: a column in the reference and in the window."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.profile.cells import Profile
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
    missing."""
    frozen = scope.store.reference(scope.monitor, reference)
    seen = scope.store.profiles_seen(scope.monitor, dataset, str(scope.rule), scope.window, scope.as_of)
    stored = scope.store.profile(scope.monitor, seen[0]) if seen else None
    if frozen is None or stored is None:
        return None
    layout, current = Layout.from_document(frozen.layout), decode_profile(stored)
    if current.layout_digest != layout.digest:
        return None
    return Profiles(layout, decode_profile(frozen.profile), current)
