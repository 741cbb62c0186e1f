"""What a retraining did and why, kept beside the model it made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from airflow_ml_monitor.errors import CodecError, SpecError
from airflow_ml_monitor.keys import Window, parse_moment, utc
from airflow_ml_monitor.lifecycle.comparison import Comparison, PairedDifference

_VERSION = 1


class Outcome(StrEnum):
    """What became of a challenger."""

    PROMOTED = "promoted"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RetrainingManifest:
    """One retraining, from the decision that asked for it to what became of it.

    decision: the id of the decision; empty for the first model, which none asked for. run_id: the DAG run.
    spec_digest: of the monitor's spec as it was. windows: whose rows it was trained on; known_at: no label that came
    later was used. rows: trained on. champion: the version compared with, empty for the first model.
    comparison: None if there was none. reason: in words.
    """

    version: str
    run_id: str
    spec_digest: str
    windows: tuple[Window, ...]
    known_at: datetime
    rows: int
    outcome: Outcome
    decision: str = ""
    champion: str = ""
    comparison: Comparison | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "known_at", utc(self.known_at))
        if self.rows < 0:
            raise SpecError(f"{self.rows} is negative; give the number of rows trained on", field="rows")
        if self.outcome is Outcome.PROMOTED and self.comparison is not None and not self.comparison.is_better:
            raise SpecError(
                f"{self.version!r} cannot be promoted: {self.comparison.reason}; record it as rejected", field="outcome"
            )

    def document(self) -> dict[str, Any]:
        """Plain JSON, from which `from_document` makes the same manifest."""
        return {
            "manifest": _VERSION,
            "version": self.version,
            "run_id": self.run_id,
            "spec_digest": self.spec_digest,
            "windows": [[window.start.isoformat(), window.end.isoformat()] for window in self.windows],
            "known_at": self.known_at.isoformat(),
            "rows": self.rows,
            "outcome": self.outcome.value,
            "decision": self.decision,
            "champion": self.champion,
            "comparison": None if self.comparison is None else asdict(self.comparison),
            "reason": self.reason,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> RetrainingManifest:
        """The manifest of a plain JSON document; CodecError if it is not one, or of a newer release."""
        found = dict(document)
        if (format_version := found.pop("manifest", None)) != _VERSION:
            raise CodecError(
                f"manifest format {format_version!r} cannot be read, this release reads {_VERSION}; "
                "use the release that wrote it, or a newer one"
            )
        try:
            found["windows"] = tuple(Window(parse_moment(a), parse_moment(b)) for a, b in found["windows"])
            found["known_at"] = parse_moment(found["known_at"])
            found["outcome"] = Outcome(found["outcome"])
            if found["comparison"] is not None:
                roc_auc = PairedDifference(**found["comparison"]["roc_auc"])
                found["comparison"] = Comparison(**{**found["comparison"], "roc_auc": roc_auc})
            return cls(**found)
        except (KeyError, TypeError, ValueError) as error:
            raise CodecError(
                "the document is no manifest of a retraining; read it with the registry's manifest()"
            ) from error
