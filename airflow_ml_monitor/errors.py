"""Every exception of the package, drawn.

    MonitorError
    ├── SpecError            what the user wrote is wrong: raised before data is read
    │   ├── UnknownName      a metric, action, column … that does not exist
    │   └── ReferenceMismatch  the frozen reference does not fit the spec
    ├── LayoutMismatch       two profiles were cut into different buckets
    ├── StoreError           the metrics database cannot be used
    │   ├── StoreNotMigrated
    │   └── StoreTooNew
    ├── ScanError            the engine gave up, or the source changed under the scan
    │   └── OutOfMemory      a statement needs more than it may have
    ├── CodecError           stored bytes are not ours, or of a newer version
    ├── DataFault            what arrived is wrong: becomes a row with its status, never a failed task
    │   ├── MissingColumn
    │   ├── WrongType
    │   └── NoSource
    └── NoValue              a metric has no value here: becomes a status
        ├── Undefined        the formula has no answer (one class only, no spread)
        ├── TooFew           not enough rows
        └── Immature         labels have not come yet

Messages quote what the spec says, never what the data holds.
"""

import difflib
from collections.abc import Iterable
from typing import Final

_MOST_NAMES: Final = 40
"""Names that are listed where one of them is near."""


class MonitorError(Exception):
    """Anything this package raises on purpose."""

    field: str = ""
    """Of the spec, where what is wrong stands in one."""

    @property
    def told(self) -> str:
        """The message without the field, for who says that himself."""
        return str(self).removeprefix(f"{self.field}: ")


class SpecError(MonitorError, ValueError):
    """What the user wrote cannot work; the message names the field, the value and the remedy."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class UnknownName(SpecError):
    """A name that nothing answers to; lists what would be right."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, field: str = "") -> None:
        self.kind, self.name, self.known = kind, name, tuple(sorted(known))
        # A short list is its own answer.
        near = difflib.get_close_matches(name, self.known, n=1, cutoff=0.75) if len(self.known) > 6 else []
        meant = f"did you mean {near[0]!r}? " if near else ""
        # Nobody reads hundreds of names, and the one that was meant would scroll away.
        more = len(self.known) - _MOST_NAMES if near else 0
        listed = ", ".join(self.known[:_MOST_NAMES] if more > 0 else self.known) or "(none)"
        rest = f" and {more} others" if more > 0 else ""
        super().__init__(f"unknown {kind} {name!r}; {meant}one of: {listed}{rest}", field=field)


class ReferenceMismatch(SpecError):
    """The reference has other columns, or other kinds, than the spec declares."""


class LayoutMismatch(MonitorError):
    """Two profiles (or ledgers) whose buckets differ cannot be added or compared."""


class StoreError(MonitorError):
    """The metrics database cannot be reached or used."""


class StoreNotMigrated(StoreError):
    """The database lacks our tables, or has those of an older release."""


class StoreTooNew(StoreError):
    """The database was migrated by a newer release than this one."""


class ScanError(MonitorError):
    """A scan of user data failed for a reason that is not the data's (or the data changed meanwhile)."""


class OutOfMemory(ScanError):
    """A statement needs more memory than the engine may take."""


class CodecError(MonitorError):
    """Bytes from the store cannot be read by this release."""


class DataFault(MonitorError):
    """What arrived is wrong. `reason` is stored; it quotes names from the spec, no value from the data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MissingColumn(DataFault):
    """A declared column is not in the data."""


class WrongType(DataFault):
    """A column arrived as another type than declared."""


class NoSource(DataFault):
    """No file, or no table, where the dataset should be."""


class NoValue(MonitorError):
    """A metric has no value here, and says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Undefined(NoValue):
    """The formula has no answer on this input."""


class TooFew(NoValue):
    """Fewer rows than the formula, or the user, asks for."""


class Immature(NoValue):
    """Labels that this number needs have not come yet."""
