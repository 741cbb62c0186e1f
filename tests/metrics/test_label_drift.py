"""How far the labels' classes are from the reference's: SciPy's distance, and no row's score in it."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from airflow_ml_monitor.metrics.metric import metric_named

label_drift = metric_named("label_drift").function


def test_it_is_scipys_jensen_shannon_of_the_classes(rows: ModuleType) -> None:
    before, now = [0] * 700 + [1] * 300, [0] * 60 + [1] * 40
    found = label_drift(rows.label_pair(rows.labelled(before, [0.5] * 1000), rows.labelled(now, [0.2] * 100)))
    assert found.value == pytest.approx(jensenshannon([0.7, 0.3], [0.6, 0.4], base=2))
    assert found.n == 100
    assert found.p_value == pytest.approx(chi2_contingency([[700, 300], [60, 40]], correction=False).pvalue, abs=0.01)


def test_of_several_classes_the_undeclared_are_one_and_predictions_have_no_part(rows: ModuleType) -> None:
    before, now = np.array([0] * 50 + [1] * 30 + [2] * 20), np.array([0] * 20 + [1] * 20 + [3] * 60)
    expected = jensenshannon([0.5, 0.3, 0.2, 0], [0.2, 0.2, 0, 0.6], base=2)
    for predicted in (np.zeros(100), np.full(100, 2)):
        found = label_drift(rows.label_pair(rows.decided(before, before, 3), rows.decided(now, predicted, 3)))
        assert found.value == pytest.approx(expected)
    assert found.p_value < 0.01
    assert found.value > 3 * found.noise


def test_one_class_in_both_has_not_drifted(rows: ModuleType) -> None:
    found = label_drift(rows.label_pair(rows.labelled([0] * 9, [0.5] * 9), rows.labelled([0] * 4, [0.1] * 4)))
    assert (found.value, found.p_value) == (0, 1)
