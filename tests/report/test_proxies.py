"""What proxies have been worth stands with performance."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.store.records import Revision

TITLE = "Proxies and performance"


def test_a_proxy_stands_with_its_interval_or_the_reason_why_it_has_none(shops: Any) -> None:
    shop = shops().live(0)
    assert TITLE not in shop.page().section("performs")
    window = shop.window(0)
    head = HeadKey(Family.ESTIMATE, "labels", str(shop.rule), window)
    known = Estimate(0.81, 40, 0.62, 0.91)
    rows = [
        Measurement("proxy_correlation", Status.OK, known, "over 40 final windows", "clicks", "roc_auc"),
        Measurement("proxy_correlation", Status.TOO_FEW, None, "4 final windows with both", "votes", "roc_auc"),
    ]
    revision = Revision(window.end, "inputs", None, False, "", "1", "spec")
    shop.store.write_revision("default/shop", head, revision, rows)
    section = shop.page().section("performs")
    assert TITLE in section
    cells = ["clicks", "roc_auc", "0.81", "0.62 to 0.91", "over 40 final windows"]
    assert "".join(f"<td>{text}</td>" for text in cells) in section
    assert "<td>too few: 4 final windows with both</td>" in section
