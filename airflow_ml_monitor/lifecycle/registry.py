"""A folder of model versions, and which of them was the champion when."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_ml_monitor.errors import CodecError, SpecError, UnknownName
from airflow_ml_monitor.keys import parse_moment, utc

_POINTER = "champion.json"
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class ModelRegistry:
    """Model versions as <folder>/<version>/model-<digest>.bin and manifest.json; in champion.json which led when.

    Every file is written whole or not at all. A version exists from the moment its manifest does, which names the
    model's digest: a crash between the two leaves bytes that nothing refers to. Needs a file system whose rename is
    atomic (local, NFS); object stores are not.
    """

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    def save(self, version: str, model_bytes: bytes, manifest: Mapping[str, Any]) -> None:
        """Keep a version for good. Saving the same again changes nothing.

        Empty bytes record a retraining that failed: such a version has a manifest, cannot be loaded or promoted, and
        may be saved again. Errors: SpecError for a name that is no file name, or for a version that holds other
        content already.
        """
        place = self._place(version)
        digest = hashlib.sha256(model_bytes).hexdigest() if model_bytes else ""
        entry = {"version": version, "model_sha256": digest, "manifest": dict(manifest)}
        content = json.dumps(entry, indent=2, sort_keys=True).encode()
        if (place / _MANIFEST).exists() and self._entry(version)["model_sha256"]:
            if (place / _MANIFEST).read_bytes() == content:
                return
            raise SpecError(
                f"version {version!r} is already saved with other content and never changes; save under a new name",
                field="version",
            )
        place.mkdir(parents=True, exist_ok=True)
        if model_bytes:
            _write_whole(place / f"model-{digest}.bin", model_bytes)
        _write_whole(place / _MANIFEST, content)

    def versions(self) -> tuple[str, ...]:
        """Every version that can be loaded, by name."""
        return tuple(version for version in self._saved() if self._entry(version)["model_sha256"])

    def load(self, version: str) -> bytes:
        """A version's bytes, as saved. Errors: UnknownName; SpecError without a model; CodecError if damaged."""
        digest = self._entry(version)["model_sha256"]
        if not digest:
            raise SpecError(
                f"version {version!r} has no model: its retraining failed; see its manifest", field="version"
            )
        path = self._place(version) / f"model-{digest}.bin"
        if not path.exists() or hashlib.sha256(model_bytes := path.read_bytes()).hexdigest() != digest:
            raise CodecError(f"the model of version {version!r} is missing or damaged; promote another version")
        return model_bytes

    def manifest(self, version: str) -> dict[str, Any]:
        """The manifest that a version was saved with. Errors: UnknownName."""
        found: dict[str, Any] = self._entry(version)["manifest"]
        return found

    def promote(self, version: str, at: datetime | None = None) -> None:
        """Make a version the champion from a moment on (now), if it can be loaded; nothing changes if it is already.

        Errors: SpecError for a naive moment; those of `load`.
        """
        self.load(version)
        try:
            promotions = self._promotions()
        except CodecError:
            promotions = []
        if promotions and promotions[-1][0] == version:
            return
        promotions.append((version, utc(at) if at else datetime.now(UTC)))
        document = [{"version": name, "at": moment.isoformat()} for name, moment in promotions]
        _write_whole(self.folder / _POINTER, json.dumps(document, indent=2).encode())

    def champion(self, before: datetime | None = None) -> str:
        """The version in use; or the one that was, just before a moment: a day scored again gets its own day's model.

        Of promotions out of order the one made last counts; before the first it is that one.
        Errors: SpecError if none has been promoted, or for a naive moment.
        """
        promotions = self._promotions()
        if not promotions:
            raise SpecError(
                f"the registry has no champion among {list(self.versions())}; promote one", field="champion"
            )
        first, *_ = promotions
        earlier = [one for one in promotions if before is None or one[1] < utc(before)]
        return (earlier or [first])[-1][0]

    def _promotions(self) -> list[tuple[str, datetime]]:
        """(version, from when on), in the order in which they were made."""
        pointer = self.folder / _POINTER
        if not pointer.exists():
            return []
        try:
            return [(str(one["version"]), parse_moment(one["at"])) for one in json.loads(pointer.read_bytes())]
        except (ValueError, KeyError, TypeError, SpecError) as error:
            raise CodecError(f"{_POINTER} cannot be read; promote a version again") from error

    def _saved(self) -> tuple[str, ...]:
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"*/{_MANIFEST}")))

    def _place(self, version: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", version, flags=re.ASCII):
            raise SpecError(
                f"{version!r} is no version; use letters, digits, '.', '_', '-', beginning with a letter or digit",
                field="version",
            )
        return self.folder / version

    def _entry(self, version: str) -> dict[str, Any]:
        path = self._place(version) / _MANIFEST
        if not path.exists():
            raise UnknownName("model version", version, self._saved())
        try:
            entry: dict[str, Any] = json.loads(path.read_bytes())
        except ValueError as error:
            raise CodecError(f"the manifest of version {version!r} cannot be read; promote another version") from error
        return entry


def _write_whole(path: Path, content: bytes) -> None:
    """The content under its name, or what was there before; durable when this returns."""
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is private to its writer; a model is read by other users' tasks too.
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, path)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # The rename itself is durable only once the folder is.
        os.fsync(folder)
    finally:
        os.close(folder)
