"""Which contract answered: a name and a digest, in every result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_ml_monitor.profile.layout import digest


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
