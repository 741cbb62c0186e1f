"""What every engine can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from airflow_ml_monitor.keys import Window, WindowRule
from airflow_ml_monitor.profile.among import Among
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.skew import Skew
from airflow_ml_monitor.profile.task import Task

if TYPE_CHECKING:
    import pandas as pd

    from airflow_ml_monitor.profile.engines.databases.in_place import InPlace


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """Which entries are wanted.

    days: calendar days of predictions, of `rule`. stale: those of which everything known up to `upto` is wanted (and
    their predictions); of the others only what became known after `since`.
    """

    dataset: Dataset
    task: Task
    layout: Layout
    labels: LabelSource
    rule: WindowRule
    days: tuple[Window, ...]
    stale: frozenset[Window]
    since: datetime
    upto: datetime


@dataclass(frozen=True, slots=True)
class Watermark:
    """Digests of the labels known at `since` and at `upto`, read in one snapshot."""

    since: str
    upto: str


@dataclass(frozen=True, slots=True)
class LabelBatch:
    """Entries by day, and what the label source holds besides.

    orphans: labelled keys without a prediction from the first day asked for up to `upto`, whether or not its day was
    asked for. repeats: label rows beyond a key's first (corrections). refused: how many totals cannot be, by reason.
    arrived: (labelled keys, orphans among them) by the calendar day on which their first label became known: every day
    that is over, from the first asked for; none where labels do not say when they became known. left_out: features that
    were asked for and did not arrive as declared, of which entries tell nothing.
    """

    entries: Mapping[Window, Entries]
    orphans: int
    repeats: int
    refused: Mapping[str, int] = field(default_factory=dict)
    arrived: Mapping[Window, tuple[int, int]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


class Engine(Protocol):
    """Reads user data where it lies. The window EVER is all rows, and needs no event time.

    Each call is one snapshot; a source that changes meanwhile is a ScanError.
    """

    def fingerprints(self, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
        """Names the bytes that each window's numbers depend on; another name if any of them changed."""
        ...

    def layout(self, dataset: Dataset, window: Window) -> Layout:
        """Choose the buckets from a reference."""
        ...

    def profile(self, dataset: Dataset, layout: Layout, window: Window, *, among: Among | None = None) -> Profile:
        """One scan, of some of the window's rows if so told. What arrived wrong is in the profile's faults."""
        ...

    def watermark(self, labels: LabelSource, since: datetime, upto: datetime) -> Watermark:
        """Names what the label source held at two moments: if the first changed, the past was rewritten."""
        ...

    def label_entries(self, request: LabelRequest) -> LabelBatch:
        """Predictions joined with what became known."""
        ...

    def reference_entries(self, dataset: Dataset, task: Task, layout: Layout, label: str, window: Window) -> Entries:
        """Entries of a reference whose rows carry their label."""
        ...

    def skew(self, dataset: Dataset, window: Window) -> Skew:
        """A window's rows joined with the dataset's replay. DataFault where a key is missing."""
        ...

    def frame(self, dataset: Dataset, window: Window, limit: int) -> pd.DataFrame:
        """Up to `limit` rows of the declared columns."""
        ...

    def in_place(self, dataset: Dataset, window: Window) -> AbstractContextManager[InPlace | None]:
        """A window's rows for statements of others, in one snapshot; None where they are no table of a database."""
        ...
