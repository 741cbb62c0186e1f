"""The colours of pictures and page. Each is used as it is in notebooks; the page turns it into a CSS variable."""

from __future__ import annotations

from typing import Final

INK: Final = "#1d2733"
MUTED: Final = "#566270"
RULE: Final = "#d5dbe2"
PAPER: Final = "#fffffe"
REFERENCE: Final = "#aeb8c4"
CURRENT: Final = "#0a62b8"
BAD: Final = "#b3261e"
LINES: Final = (CURRENT, "#b4560b", "#1b7f5c", "#7b4bb3", "#a83279", "#6b6a12")
"""One a model version; told apart by their markers as well."""
HEAT: Final = ("#eef2f6", "#cfe0f1", "#9fc3e6", "#f3c178", "#e2874a", "#b8432f")
"""From what chance gives to far beyond."""

VARIABLES: Final = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    PAPER: "--paper",
    REFERENCE: "--reference",
    BAD: "--bad",
    **{colour: f"--line-{i}" for i, colour in enumerate(LINES)},
    **{colour: f"--heat-{i}" for i, colour in enumerate(HEAT)},
}
"""The CSS variable of each colour."""
