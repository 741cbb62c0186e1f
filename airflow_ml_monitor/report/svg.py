"""A picture → inline SVG whose colours are the page's."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.errors import MonitorError
from airflow_ml_monitor.report.blocks import Picture
from airflow_ml_monitor.report.figures.frame import SETTINGS
from airflow_ml_monitor.report.ink import VARIABLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NOWHERE: Final = {"Date": None, "Creator": None, "Format": None, "Type": None}
"""No metadata: a date would make every page another one, and its vocabulary is a list of addresses."""


@contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib with the settings of our pictures; MonitorError where it is not installed."""
    try:
        import matplotlib
    except ImportError as error:
        raise MonitorError(
            "pictures need Matplotlib, which is not installed; pip install airflow-ml-monitor[report]"
        ) from error
    with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
        # Only widths are taken from Matplotlib's font; the reader's own writes the text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def inline(picture: Picture) -> str:
    """The picture as an `<svg>` element: text as text, colours as CSS variables, nothing loaded from anywhere.

    Its strings are escaped; the same picture gives the same bytes.
    """
    with drawing():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(picture.width / 72, picture.height / 72), layout="constrained")
        picture.draw(figure.add_subplot())
        return _cleaned(_saved(figure), picture)


def _saved(figure: Figure) -> str:
    place = StringIO()
    figure.savefig(place, format="svg", metadata=_NOWHERE)
    text = place.getvalue()
    return text[text.index("<svg") :]


def _cleaned(text: str, picture: Picture) -> str:
    text = re.sub(r"<metadata>.*?</metadata>|<style type.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^<>]+>", lambda tag: _tag(tag[0], picture.name), text)
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda name: name[0] if name[1] in used else "", text)
    text = re.sub(r">\s+<", "><", text)
    text = re.sub(r"<defs></defs>|<g></g>|<g/>|<path d=\"\"[^>]*/>", "", text)
    head = f'<svg width="{picture.width}" height="{picture.height}" viewBox="0 0 {picture.width} {picture.height}"'
    return re.sub(r"^<svg[^>]*>", lambda _: f'{head} role="presentation" aria-hidden="true">', text.strip())


def _tag(tag: str, name: str) -> str:
    """One tag, its numbers shortened, colours and names made the page's."""
    if tag.startswith("</"):
        return tag
    # A hundredth of a pixel is more than a screen shows; six digits are half the file.
    tag = re.sub(r"(\d+\.\d\d)\d+", r"\1", tag)
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda colour: _variable(colour[0]), tag)
    tag = re.sub(r"(?:xlink:)?href=\"#", f'href="#{name}-', tag)
    tag = re.sub(r"url\(#", f"url(#{name}-", tag)
    tag = re.sub(r' id="', f' id="{name}-', tag)
    # The page's own font: Matplotlib's gave the widths only.
    tag = re.sub(
        r"font: ([\d.]+px)[^;\"]*|font-family: [^;\"]*; ?", lambda font: f"font-size: {font[1]}" * bool(font[1]), tag
    )
    tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    return re.sub(r"\s+", " ", tag)


def _variable(colour: str) -> str:
    return f"var({VARIABLES[colour]})" if colour in VARIABLES else colour
