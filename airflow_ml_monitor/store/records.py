"""What goes through the store's door, in and out. Frozen; every time is UTC, naive ones are refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypedDict

from airflow_ml_monitor.keys import Window, utc
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement
from airflow_ml_monitor.policy.decision import Decision, Event, Incident

EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
"""Before all data: from when the first spec and the first reference are valid. All three databases can hold it."""


REFERENCE_STAGE = "reference"
"""The stage of a reference's own numbers."""


@dataclass(frozen=True, slots=True)
class SpecVersion:
    """A monitor's spec, and the event time from which windows are measured by it."""

    digest: str
    document: dict[str, Any]
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class ContractVersion:
    """A contract as it was when it answered first. document: the loaded suite."""

    digest: str
    document: dict[str, Any]
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class ReferenceRecord:
    """A frozen reference: its buckets, its profile and, where it has labels, its ledger, as the codec's bytes.

    digest: of what it was frozen from; the layout's digest, or longer. fingerprint: of the source.
    """

    digest: str
    dataset: str
    layout: dict[str, Any]
    profile: bytes
    labels: bytes | None
    frozen_at: datetime
    fingerprint: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "frozen_at", utc(self.frozen_at))


@dataclass(frozen=True, slots=True)
class ProfileKey:
    """What a profile depends on; the same key is the same profile."""

    dataset: str
    rule: str
    window: Window
    layout_digest: str
    input_digest: str


@dataclass(frozen=True, slots=True)
class LabelState:
    """How far a label source's ledger has come. version: 0 before the first entries."""

    version: int
    known_at: datetime | None
    watermark: str


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """Label entries of one event day, as the codec's bytes. known_at: the newest knowledge inside."""

    day: Window
    known_at: datetime
    source_digest: str
    payload: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "known_at", utc(self.known_at))


@dataclass(frozen=True, slots=True)
class Revision:
    """What a family's numbers were made from. coverage: the share of rows that have labels, in [0, 1]; None without.

    spec: the digest of the spec version; contract: of the contract that answered, '' where none did.
    """

    known_at: datetime
    input_digest: str
    coverage: float | None
    is_final: bool
    run: str
    code_version: str
    spec: str
    contract: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "known_at", utc(self.known_at))


@dataclass(frozen=True, slots=True)
class Numbers:
    """One revision to write: a family's measurements of one window."""

    head: HeadKey
    revision: Revision
    measurements: Sequence[Measurement]


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did. number: of the revision that holds these inputs; wrote: False if it was there already."""

    number: int
    wrote: bool
    is_current: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stored measurement with the revision that it belongs to. contract: the digest of the one that answered it."""

    head: HeadKey
    number: int
    known_at: datetime
    recorded_at: datetime
    coverage: float | None
    is_final: bool
    spec: str
    measurement: Measurement
    contract: str = ""


@dataclass(frozen=True, slots=True)
class HeadState:
    """The current revision of a family in a window."""

    head: HeadKey
    number: int
    known_at: datetime
    input_digest: str
    coverage: float | None
    is_final: bool


class RevisionSummary(NamedTuple):
    """One revision of a head, oldest first."""

    number: int
    known_at: datetime
    input_digest: str
    coverage: float | None


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A profile's bytes, as who decides what is kept sees them.

    saved_at: when it was last made. is_newest: its window was last seen to hold this.
    """

    scan: int
    key: ProfileKey
    size: int
    saved_at: datetime
    is_newest: bool


class RevisionMark(NamedTuple):
    """One revision, and when it became known and was stored."""

    id: int
    number: int
    known_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class HeadHistory:
    """All revisions of a family in a window, by knowledge: what `as_of` reads is the last one known by then."""

    id: int
    head: HeadKey
    current: int
    revisions: tuple[RevisionMark, ...]


@dataclass(frozen=True, slots=True)
class Bearing:
    """The knowledge that decisions rest on.

    decisions: how many were made; more of them may rest on more. moments: of those that asked for something or told of
    an incident. cited: by window, of those whose evidence names it.
    """

    decisions: int
    moments: tuple[datetime, ...]
    cited: Mapping[Window, tuple[datetime, ...]]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which measurements are wanted; None is all. start, end: windows that lie wholly in [start, end).

    as_of: as they were known then (the greatest known_at ≤ as_of); None: as they are known now.
    or_failed: measurements of status `failed` too, whatever their metric. whole: no slice but the whole.
    """

    as_of: datetime | None = None
    families: Collection[Family] | None = None
    dataset: str | None = None
    rule: str | None = None
    stage: str | None = "production"
    metrics: Collection[str] | None = None
    or_failed: bool = False
    start: datetime | None = None
    end: datetime | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        for name in ("as_of", "start", "end"):
            moment = getattr(self, name)
            object.__setattr__(self, name, None if moment is None else utc(moment))


class Wanted(TypedDict, total=False):
    """The fields of a Selection, as keywords; `stage` is production unless said."""

    as_of: datetime | None
    families: Collection[Family] | None
    dataset: str | None
    rule: str | None
    stage: str | None
    metrics: Collection[str] | None
    or_failed: bool
    start: datetime | None
    end: datetime | None
    whole: bool


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """What one decision did to one incident, in words."""

    incident: str
    event: Event
    text: str


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision with what the next one needs: the fold's state, and the incidents as this decision left them."""

    decision: Decision
    policy_digest: str
    input_digest: str
    state: dict[str, Any]
    events: Sequence[IncidentEvent]
    incidents: Sequence[Incident]
    run: str
