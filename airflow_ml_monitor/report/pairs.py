"""Stored profiles, decoded: a column in the reference and in the window."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.keys import WHOLE
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
    """The stored profiles of the page's window and of a reference.

    None where one is missing, or the window's is not of the rows that were known at the page's moment: of a window
    that was scanned again only the last profile can be asked for.
    """
    frozen = scope.store.reference(scope.monitor, reference)
    stored = scope.store.latest_profile(scope.monitor, dataset, str(scope.rule), scope.window)
    if frozen is None or stored is None:
        return None
    layout, current = Layout.from_document(frozen.layout), decode_profile(stored[1])
    counted = (r.measurement for r in scope.now if r.measurement.metric == "row_count" and r.head.dataset == dataset)
    known = next((m.estimate for m in counted if m.slice == WHOLE and m.estimate is not None), None)
    is_other = known is not None and known.value != current.rows.get(WHOLE, 0)
    if is_other or current.layout_digest != layout.digest:
        return None
    return Profiles(layout, decode_profile(frozen.profile), current)
