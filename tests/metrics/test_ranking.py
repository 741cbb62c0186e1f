"""Metrics of a ranking: scikit-learn's numbers, values by hand, and what is not defined the same everywhere."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
import sklearn.metrics as oracle

from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.metric import metric_named, metrics
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind

ALL = [m for m in metrics().values() if TaskKind.RANKING in m.tasks]


def values(metric: str, view: LabelledView) -> dict[str, float]:
    found = metric_named(metric).function(view)
    return {"": found.value} if isinstance(found, Estimate) else {key: e.value for key, e in found.items()}


@pytest.mark.parametrize("seed", range(4))
def test_values_are_those_of_scikit_learn_query_by_query(seed: int, rows: ModuleType) -> None:
    rng = np.random.default_rng(seed)
    lists = [rng.choice([0, 0, 0, 1, 2, 3], rng.integers(2, 30)) for _ in range(60)]
    scores = [np.arange(len(labels), 0, -1) for labels in lists]
    view = rows.ranked(lists, at=(1, 4, 30))
    for k in (1, 4, 30):
        expected = [oracle.ndcg_score([y], [s], k=k) for y, s in zip(lists, scores, strict=True)]
        assert values("ndcg", view)[f"at={k}"] == pytest.approx(np.mean(expected), abs=1e-12)
    precisions = [
        oracle.average_precision_score(y > 0, s) if (y > 0).any() else 0.0 for y, s in zip(lists, scores, strict=True)
    ]
    assert values("mean_average_precision", view)["at=30"] == pytest.approx(np.mean(precisions), abs=1e-12)
    # Of scikit-learn's the average over relevant items of the precision at their place, one query a row.
    some = [(y > 0, s) for y, s in zip(lists, scores, strict=True) if (y > 0).any()]
    by_label = [oracle.label_ranking_average_precision_score([y], [s]) for y, s in some]
    assert values("mean_average_precision", view)["at=30"] == pytest.approx(sum(by_label) / len(lists), abs=1e-12)
    for k in (1, 4, 30):
        first = [y[:k] > 0 for y in lists]
        assert values("hit_rate", view)[f"at={k}"] == pytest.approx(np.mean([y.any() for y in first]))
        assert values("precision_at_k", view)[f"at={k}"] == pytest.approx(np.mean([y.sum() / k for y in first]))
        found = [part.sum() / (y > 0).sum() if (y > 0).any() else 0 for part, y in zip(first, lists, strict=True)]
        assert values("recall_at_k", view)[f"at={k}"] == pytest.approx(np.mean(found))
        ranks = [1 / (1 + y.argmax()) if y.any() else 0 for y in first]
        assert values("mean_reciprocal_rank", view)[f"at={k}"] == pytest.approx(np.mean(ranks))
    assert values("queries_without_relevant", view)[""] == np.mean([not (y > 0).any() for y in lists])


def test_one_query_by_hand(rows: ModuleType) -> None:
    """Relevance 0, 3, 0, 1 in this order; the best is 3, 1."""
    view = rows.ranked([[0, 3, 0, 1]], at=(1, 2, 5))
    best = 3 + 1 / math.log2(3)
    assert values("ndcg", view) == pytest.approx({
        "at=1": 0,
        "at=2": 3 / math.log2(3) / best,
        "at=5": (3 / math.log2(3) + 1 / math.log2(5)) / best,
    })  # fmt: skip
    # Precision 1/2 at place 2 and 2/4 at place 4; two are relevant.
    assert values("mean_average_precision", view) == pytest.approx({"at=1": 0, "at=2": 0.25, "at=5": 0.5})
    assert values("mean_reciprocal_rank", view) == {"at=1": 0, "at=2": 0.5, "at=5": 0.5}
    assert values("recall_at_k", view) == {"at=1": 0, "at=2": 0.5, "at=5": 1}
    # Five places of which four are taken.
    assert values("precision_at_k", view) == {"at=1": 0, "at=2": 0.5, "at=5": 0.4}
    assert values("hit_rate", view) == {"at=1": 0, "at=2": 1, "at=5": 1}


def test_queries_without_a_relevant_item_are_worth_nothing_and_counted(rows: ModuleType) -> None:
    view = rows.ranked([[1, 0], [0, 0], [0], [-1, 0]], at=(1,))
    for metric in ALL:
        wanted = {"": 0.75} if metric.name == "queries_without_relevant" else {"at=1": 0.25}
        assert values(metric.name, view) == wanted
    assert oracle.ndcg_score([[0, 0]], [[2, 1]]) == 0


def test_the_best_order_is_worth_one_at_every_cut_off(rows: ModuleType) -> None:
    view = rows.ranked([[3, 2, 1, 1, 0], [1, 1, 1], [2]] * 5, at=(1, 2, 3, 10))
    for name in ("ndcg", "mean_average_precision", "mean_reciprocal_rank", "hit_rate"):
        assert values(name, view) == pytest.approx(dict.fromkeys(("at=1", "at=2", "at=3", "at=10"), 1.0))


def test_an_interval_knows_that_few_queries_may_hide_a_miss(rows: ModuleType) -> None:
    """Forty perfect queries: if one in twelve were worth nothing, one sample in thirty would show none."""
    found = metric_named("ndcg").function(rows.ranked([[1, 0]] * 40, at=(1,)))
    assert isinstance(found, dict)
    assert found["at=1"].value == 1
    assert found["at=1"].low == pytest.approx(1 - 3.69 / 40, abs=0.001)
    assert found["at=1"].high == 1


def test_n_counts_queries(rows: ModuleType) -> None:
    for metric in ALL:
        found = metric.function(rows.ranked([[1, 0, 0]] * 7))
        many = [found] if isinstance(found, Estimate) else list(found.values())
        assert {estimate.n for estimate in many} == {7}
