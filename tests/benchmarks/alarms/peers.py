"""What the default rules of other monitors say of the same counts: `RULES[name](stream)` is (T, columns), True = alarm.

Versions: Evidently 0.7.23, NannyML 0.13.1. They look at values alone, so a missing one is left out, as there. From
cells, so within a cell every row counts as its middle; categories too rare for a cell of their own are one.
Evidently and NannyML are held against their own code in peers_agree.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import chdtrc, kolmogorov, rel_entr
from streams import FIRST, OTHER, Feature, Stream

SMALL = 1_000
"""Evidently tests (p < 0.05) up to so many reference rows, and measures (distance >= 0.1) beyond."""
LIMIT, P_VALUE, SIGMAS = 0.1, 0.05, 3.0
FEW = 5
"""Evidently takes a numeric column with at most so many values for a categorical one."""
_FLOOR = 1e-4  # a share of nothing, in PSI

Rule = Callable[[Stream], np.ndarray]


def evidently(stream: Stream) -> np.ndarray:
    """Wasserstein distance over the reference's deviation, or Jensen–Shannon's distance of categories, from 0.1 on; of
    small references KS or χ², the reference's shares taken as exact."""
    return _by_column(stream, _evidently_column)


def evidently_dataset(stream: Stream) -> np.ndarray:
    """The columns that drift on days on which at least half of them do; silent on all others."""
    drifted = evidently(stream)
    return np.asarray(drifted & (drifted.mean(axis=1, keepdims=True) >= 0.5))


def nannyml(stream: Stream) -> np.ndarray:
    """Jensen–Shannon distance above mean + 3 standard deviations of the reference's days."""

    def beyond(feature: Feature) -> np.ndarray:
        distance = nannyml_distance(feature)
        usual = distance[: stream.start]
        return np.asarray(distance > np.nanmean(usual) + SIGMAS * np.nanstd(usual))

    return _by_column(stream, beyond)


def sagemaker(stream: Stream) -> np.ndarray:
    """Largest difference of the distribution functions, or of categories' shares, above 0.1."""
    return _by_column(stream, lambda f: (_ks if f.is_numeric else _largest)(*_shares(f)) > LIMIT)


def psi(stream: Stream, limit: float) -> np.ndarray:
    """Population stability index over the reference's deciles, or over categories."""
    return _by_column(stream, lambda f: _psi(*_joined(f, _deciles(f)) if f.is_numeric else _shares(f)) > limit)


def p_value(stream: Stream, level: float = P_VALUE, is_shared: bool = False) -> np.ndarray:
    """Two-sample KS, or χ², below a level; is_shared: the level divided by the columns (Bonferroni)."""
    return _by_column(stream, lambda f: _p_value(f) < level / (len(stream.features) if is_shared else 1))


RULES: dict[str, Rule] = {
    "Evidently, any column": evidently,
    "Evidently, half of the columns": evidently_dataset,
    "NannyML, JS 3σ": nannyml,
    "SageMaker, 0.1": sagemaker,
    "PSI > 0.1": partial(psi, limit=0.1),
    "PSI > 0.2": partial(psi, limit=0.2),
    "p < 0.05": p_value,
    "p < 0.05, Bonferroni": partial(p_value, is_shared=True),
}


def evidently_distance(feature: Feature) -> np.ndarray:
    """(T,): what Evidently measures of references of more than SMALL rows."""
    reference, current = _shares(feature)
    if not _is_number(feature):
        return _js(reference, current, np.e)
    x, share = feature.values[FIRST:], reference[FIRST - OTHER :]
    mean = share @ x
    deviation = np.sqrt(share @ (x - mean) ** 2)
    gap = np.abs(np.cumsum(current - reference, axis=1))[:, FIRST - OTHER : -1]
    return np.asarray(gap @ np.diff(x) / max(deviation, 0.001))


def nannyml_distance(feature: Feature) -> np.ndarray:
    """(T,): Jensen–Shannon distance, to base 2, over Doane's bins of the reference, what lies beyond them as one."""
    return _js(*(_joined(feature, _doane(feature)) if feature.is_numeric else _shares(feature)), 2.0)


def _by_column(stream: Stream, rule: Callable[[Feature], np.ndarray]) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.column_stack([rule(feature) for feature in stream.features])


def _evidently_column(feature: Feature) -> np.ndarray:
    if feature.reference.sum() > SMALL:
        return np.asarray(evidently_distance(feature) >= LIMIT)
    if _is_number(feature):
        return np.asarray(_p_value(feature) < P_VALUE)
    reference, current = _shares(feature)
    rows, used = feature.days[:, OTHER:].sum(axis=1), (reference > 0) | (current > 0).any(axis=0)
    statistic = np.nansum((current - reference) ** 2 / reference, axis=1) * rows
    return np.asarray(chdtrc(used.sum() - 1, statistic) < P_VALUE)


def _is_number(feature: Feature) -> bool:
    return feature.is_numeric and int(np.count_nonzero(feature.reference[FIRST:])) > FEW


def _shares(feature: Feature) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the cells but the missing one, of the rows with a value: reference (cells,), days (T, cells)."""
    reference, days = feature.reference[OTHER:], feature.days[:, OTHER:]
    return reference / reference.sum(), days / days.sum(axis=1, keepdims=True)


def _joined(feature: Feature, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of cells joined by group."""
    joins = np.eye(group.max() + 1)[group]
    reference, current = _shares(feature)
    return reference @ joins, current @ joins


def _deciles(feature: Feature) -> np.ndarray:
    """The decile of the reference in which the middle of each cell lies."""
    share, _ = _shares(feature)
    return np.asarray(np.minimum(((np.cumsum(share) - share / 2) * 10).astype(int), 9))


def _doane(feature: Feature) -> np.ndarray:
    """The equal-width bin of each cell, as many as Doane's rule wants; the last for what lies beyond the extremes."""
    rows, x = feature.reference[FIRST:], feature.values[FIRST:]
    n, held = rows.sum(), x[rows > 0]
    centred = x - rows @ x / n
    deviation = np.sqrt(rows @ centred**2 / n)
    skewness = abs(rows @ centred**3 / n / deviation**3)
    error = np.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
    bins = int(np.ceil(1 + np.log2(n) + np.log2(1 + skewness / error)))
    at = np.floor((x - held[0]) / (held[-1] - held[0]) * bins).astype(int)
    inside = np.where((x < held[0]) | (x > held[-1]), bins, np.clip(at, 0, bins - 1))
    return np.asarray(np.r_[[bins] * (FIRST - OTHER), inside])


def _js(reference: np.ndarray, current: np.ndarray, base: float) -> np.ndarray:
    middle = (reference + current) / 2
    divergence = (rel_entr(reference, middle) + rel_entr(current, middle)).sum(axis=1) / 2
    return np.asarray(np.sqrt(np.maximum(divergence, 0) / np.log(base)))


def _ks(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(np.cumsum(current - reference, axis=1)).max(axis=1))


def _largest(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(current - reference).max(axis=1))


def _psi(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    p, q = np.maximum(reference, _FLOOR), np.maximum(current, _FLOOR)
    return np.asarray(((q - p) * np.log(q / p)).sum(axis=1))


def _p_value(feature: Feature) -> np.ndarray:
    """(T,): of a two-sample test, asymptotic; KS with Stephens' correction of small samples (1970)."""
    reference, current = _shares(feature)
    m, n = feature.reference[OTHER:].sum(), feature.days[:, OTHER:].sum(axis=1)
    if feature.is_numeric:
        root = np.sqrt(m * n / (m + n))
        return np.asarray(kolmogorov((root + 0.12 + 0.11 / root) * _ks(reference, current)))
    pooled = (m * reference + n[:, None] * current) / (m + n)[:, None]
    statistic = (m * n / (m + n)) * np.nansum((current - reference) ** 2 / pooled, axis=1)
    return np.asarray(chdtrc((pooled > 0).sum(axis=1) - 1, statistic))
