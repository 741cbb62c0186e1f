"""What people said of incidents stands near the decisions, as it was known then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow_ml_monitor.policy.feedback import Feedback

TITLE = "Feedback: how often alarms were right"


def test_precision_by_rule_stands_beside_the_incidents_once_somebody_has_spoken(shops: Any) -> None:
    shop = shops().live(0, 1).live(2, 3, 4, is_lost=True)
    assert TITLE not in shop.page().section("verdict")
    [incident] = shop.store.incidents("default/shop")
    given_at = shop.window(4).end + timedelta(hours=3)
    shop.store.save_feedback("default/shop", Feedback(incident.id, True, given_at, "it was lost"))
    section = shop.page().section("verdict")
    assert section.index("Incidents") < section.index(TITLE) < section.index("The last decisions")
    assert "<td>roc_auc</td>" in section
    assert "<td>1 (0.025 to 1)</td>" in section
    assert TITLE not in shop.page(as_of=given_at - timedelta(hours=1)).section("verdict")
