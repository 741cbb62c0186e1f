"""Which contract answered: a name and a digest, in every result."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from airflow_ml_monitor.profile.layout import digest

_NAMED: Final = re.compile(r"contract (?P<name>.*)@(?P<digest>[0-9a-f]{24})$")


def version_of(suite: Mapping[str, Any]) -> str:
    """The digest of a loaded suite; what only comments on its rules (meta.why) counts too, as it was reviewed."""
    return digest(suite)


def named(suite: Mapping[str, Any]) -> str:
    """How a result says which contract answered it.

    >>> named({"name": "credit", "expectations": []})
    'contract credit@56f58061d013f61a59fcae3d'
    """
    return f"contract {suite['name']}@{version_of(suite)}"


def plain(suite: Mapping[str, Any]) -> dict[str, Any]:
    """A suite as plain JSON; what YAML read as a date is text."""
    found: dict[str, Any] = json.loads(json.dumps(suite, default=str))
    return found


def digest_in(reason: str) -> str:
    """The digest that a result's reason names; '' if it names none."""
    found = _NAMED.search(reason)
    return found["digest"] if found else ""
