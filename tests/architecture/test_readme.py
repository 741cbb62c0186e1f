"""The README's tables are what the registry says; `python tests/architecture/test_readme.py` writes them."""

import re
from pathlib import Path

from airflow_ml_monitor.metrics.metric import metrics

README = Path(__file__).resolve().parents[2] / "README.md"
MARKED = re.compile(r"(<!-- metrics -->\n).*(<!-- /metrics -->)", re.DOTALL)


def metrics_table() -> str:
    rows = ["| family | metrics |", "|---|---|"]
    for family in ("quality", "drift", "performance"):
        names = ", ".join(f"`{m.name}`" for m in metrics().values() if m.family == family)
        rows.append(f"| {family} | {names} |")
    return "\n".join(rows) + "\n"


def test_the_readme_names_every_metric_there_is():
    text = README.read_text()
    assert MARKED.sub(rf"\g<1>{metrics_table()}\2", text) == text


def test_the_readme_is_short_enough_to_be_read():
    assert len(README.read_text().splitlines()) <= 200


if __name__ == "__main__":
    README.write_text(MARKED.sub(rf"\g<1>{metrics_table()}\2", README.read_text()))
