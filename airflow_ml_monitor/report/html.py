"""A page → one HTML text: style inside, pictures inside, nothing loaded."""

from __future__ import annotations

from airflow_ml_monitor.report.blocks import Facts, Gallery, Light, Page, Picture, Table
from airflow_ml_monitor.report.ink import VARIABLES
from airflow_ml_monitor.report.svg import inline
from airflow_ml_monitor.report.templates import templates

_MARKS = {Light.GOOD: "✓", Light.LOOK: "!", Light.BAD: "✕", Light.WAITING: "…", Light.UNKNOWN: "?"}


def rendered(page: Page) -> str:
    """The page's text; every string that came from data is escaped."""
    from markupsafe import Markup

    def drawn(picture: Picture) -> Markup:
        # The only text that is not escaped: Matplotlib's, which escapes what it is given.
        return Markup(inline(picture))

    environment = templates(escaped=True)
    kinds = {Facts: "facts", Table: "table", Gallery: "gallery"}
    environment.filters |= {"drawn": drawn, "kind": lambda block: kinds[type(block)]}
    colours = {name: colour for colour, name in VARIABLES.items()}
    return environment.get_template("page.html.j2").render(page=page, marks=_MARKS, colours=colours)
