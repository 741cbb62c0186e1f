"""What decisions are worth: by hand, against pandas, at the edges, and before amounts or labels are there."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.metrics.performance.profit import profit
from airflow_ml_monitor.profile.payoff import Payoff, Worth

FRAUD = Payoff(Worth(-5, 1), Worth(-5, -0.01), Worth(0, -1))
CALLS = Payoff(Worth(10), Worth(-3), Worth(-8))


def test_a_small_example_by_hand(rows: ModuleType) -> None:
    # (100 - 5) found, (-5 - 0.5) blocked in error, -30 missed, 0 left alone: 59.5 of four rows.
    view = rows.labelled([1, 0, 1, 0], [0.9, 0.8, 0.2, 0.1], amount=[100, 50, 30, 7], payoff=FRAUD)
    assert profit(view).value == pytest.approx(59.5 / 4)
    assert profit(view).n == 4


@pytest.mark.parametrize("payoff", [FRAUD, CALLS])
def test_it_is_the_mean_of_what_pandas_says_row_by_row(payoff: Payoff, rows: ModuleType) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"score": rng.random(2000), "amount": rng.lognormal(3, 1, 2000)})
    frame["label"] = (rng.random(2000) < frame["score"]).astype(int)
    frame.loc[::7, "amount"] = [math.nan, math.inf] * 143
    view = rows.labelled(frame["label"], frame["score"], 0.6, amount=frame["amount"], payoff=payoff)
    worth = pd.Series(list(zip(frame["label"], (frame["score"] >= 0.6).astype(int), strict=True))).map(
        payoff.by_outcome
    )
    value = worth.map(lambda w: w.per_row)
    if payoff.has_rates:
        rate = worth.map(lambda w: w.of_amount)
        value = (value + rate * frame["amount"])[np.isfinite(frame["amount"])]
    found = profit(view)
    assert found.value == pytest.approx(value.mean())
    assert found.n == len(value)
    half = 1.96 * value.std() / math.sqrt(len(value))
    assert found.low == pytest.approx(value.mean() - half, abs=0.2 * half)
    assert found.high == pytest.approx(value.mean() + half, abs=0.2 * half)


def test_what_no_amount_decides_has_a_formula_and_it_is_the_metric(rows: ModuleType) -> None:
    rng = np.random.default_rng(5)
    score = rng.random(300)
    view = rows.labelled(rng.random(300) < score, score, payoff=CALLS)
    formula = metric_named("profit").of(view.task).formula
    assert formula is not None
    assert float(formula(view.scored)) == pytest.approx(profit(view).value)
    three = [np.stack([part] * 3) for part in (view.scored.positives, view.scored.negatives)]
    drawn = formula(replace(view.scored, positives=three[0], negatives=three[1]))
    np.testing.assert_allclose(drawn, [profit(view).value] * 3)
    assert metric_named("profit").of(replace(view.task, payoff=FRAUD)).formula is None


def test_an_outcome_that_never_happened_still_widens_the_interval(rows: ModuleType) -> None:
    """No fraud was missed among 300 rows: three may have been expected, each worth an amount."""
    label, score = [1] * 20 + [0] * 280, [0.9] * 20 + [0.1] * 280
    found = profit(rows.labelled(label, score, amount=[100.0] * 300, payoff=FRAUD))
    assert found.value == pytest.approx(95 * 20 / 300)
    certain = profit(rows.labelled(label, score, amount=[100.0] * 300, payoff=replace(FRAUD, false_negative=Worth())))
    assert found.low is not None
    assert certain.low is not None
    assert found.low < certain.low - 0.2


def test_without_payoff_amounts_or_labels_there_is_no_value(rows: ModuleType) -> None:
    label, score = [1, 0, 1], [0.9, 0.2, 0.3]
    with pytest.raises(Undefined, match=r"declare task\.payoff"):
        profit(rows.labelled(label, score))
    with pytest.raises(Undefined, match="stored before it was asked for"):
        profit(rows.labelled(label, score, payoff=FRAUD))
    with pytest.raises(Undefined, match="no labelled row has an amount"):
        profit(rows.labelled(label, score, amount=[math.nan] * 3, payoff=FRAUD))
    with pytest.raises(TooFew):
        profit(rows.labelled([], [], amount=[], payoff=FRAUD))
    assert profit(rows.labelled([0], [0.1], payoff=CALLS)).value == 0
