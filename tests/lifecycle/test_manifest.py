import json
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from airflow_ml_monitor.errors import CodecError, SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.lifecycle.comparison import Comparison, compare
from airflow_ml_monitor.lifecycle.manifest import Outcome, RetrainingManifest

KNOWN_AT = datetime(2026, 3, 20, tzinfo=UTC)
WINDOWS = (Window(datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)),)


def comparison(*, is_better: bool) -> Comparison:
    labels = np.repeat([1, 0], 40)
    sure = np.where(labels == 1, 0.8, 0.2)
    return compare(labels, np.full(80, 0.5), sure if is_better else 1 - sure)


def manifest(outcome: Outcome, compared: Comparison | None = None) -> RetrainingManifest:
    return RetrainingManifest(
        version="retrain-1",
        run_id="monitor__2026-03-20",
        spec_digest="5f3a",
        windows=WINDOWS,
        known_at=KNOWN_AT,
        rows=5200,
        outcome=outcome,
        decision="d-17",
        champion="first",
        comparison=compared,
        reason="roc_auc below its bound on 3 of 5 days",
    )


@pytest.mark.parametrize(
    "original",
    [
        manifest(Outcome.PROMOTED, comparison(is_better=True)),
        manifest(Outcome.REJECTED, comparison(is_better=False)),
        manifest(Outcome.FAILED),
    ],
)
def test_a_manifest_survives_json(original: RetrainingManifest) -> None:
    assert RetrainingManifest.from_document(json.loads(json.dumps(original.document()))) == original


def test_a_challenger_that_is_not_better_cannot_be_recorded_as_promoted() -> None:
    with pytest.raises(
        SpecError, match=r"'retrain-1' cannot be promoted: the challenger is worse.*record it as rejected"
    ):
        manifest(Outcome.PROMOTED, comparison(is_better=False))


def test_the_first_model_is_promoted_without_a_comparison() -> None:
    assert manifest(Outcome.PROMOTED).comparison is None


def test_known_at_is_kept_in_utc_and_needs_a_zone() -> None:
    document = manifest(Outcome.FAILED).document()
    berlin = KNOWN_AT.astimezone(timezone(timedelta(hours=1))).isoformat()
    assert RetrainingManifest.from_document({**document, "known_at": berlin}).document() == document
    with pytest.raises(CodecError, match="no manifest"):
        RetrainingManifest.from_document({**document, "known_at": "2026-03-20T00:00:00"})


@pytest.mark.parametrize("change", [{"manifest": 2}, {"manifest": None}])
def test_a_document_of_another_release_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CodecError, match="this release reads 1"):
        RetrainingManifest.from_document({**manifest(Outcome.FAILED).document(), **change})


@pytest.mark.parametrize("change", [{"outcome": "maybe"}, {"windows": 3}, {"colour": "red"}, {"comparison": {}}])
def test_a_document_that_is_no_manifest_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CodecError, match="no manifest"):
        RetrainingManifest.from_document({**manifest(Outcome.FAILED).document(), **change})


def test_a_negative_number_of_rows_is_refused() -> None:
    document = manifest(Outcome.FAILED).document()
    with pytest.raises(CodecError) as caught:
        RetrainingManifest.from_document({**document, "rows": -1})
    assert "rows: -1 is negative" in str(caught.value.__cause__)
