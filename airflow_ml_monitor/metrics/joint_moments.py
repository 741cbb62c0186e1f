"""Moments of features and labels → their correlations, and how these scatter from row to row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import Final

import numpy as np

from airflow_ml_monitor.metrics.together import LEAST_DEVIATION
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.scatter import NEARLY_ONE

_ORDER: Final = 4


@dataclass(frozen=True, eq=False)
class JointMoments:
    """Of P pairs of a feature's u and a label's v, over the rows that have both.

    raw: shape (5, 5, P), sums of uⁱ vʲ up to i + j = 4; [0, 0]: rows.
    """

    raw: Floats

    @classmethod
    def of_class(cls, features: Sequence[LabelledView], label: int) -> JointMoments:
        """v is 1 where a row is of the class, else 0."""
        raw = np.zeros((_ORDER + 1, _ORDER + 1, len(features)))
        for at, view in enumerate(features):
            for i in range(_ORDER + 1):
                sums = view.part(_name(i, 0)) if i else view.count
                raw[i, 0, at] = sums.sum()
                raw[i, 1:, at] = sums[view.label == label].sum()
        return cls(raw)

    @classmethod
    def of_number(cls, features: Sequence[LabelledView]) -> JointMoments:
        """v is a regression's label, bent as u is."""
        raw = np.zeros((_ORDER + 1, _ORDER + 1, len(features)))
        for at, view in enumerate(features):
            raw[0, 0, at] = view.n
            for i in range(_ORDER + 1):
                for j in range(_ORDER + 1 - i):
                    if i or j:
                        raw[i, j, at] = view.total(_name(i, j))
        return cls(raw)

    @classmethod
    def together(cls, parts: Sequence[JointMoments]) -> JointMoments:
        """The pairs of all parts, one part after the other."""
        return cls(np.concatenate([part.raw for part in parts], axis=2))

    @property
    def rows(self) -> Floats:
        """(P,)"""
        return np.asarray(self.raw[0, 0])

    @cached_property
    def correlation(self) -> Floats:
        """(P,) Pearson's; NaN where u or v hardly varies."""
        return np.asarray(np.clip(self._standard(1, 1), -1.0, 1.0))

    @property
    def kurtosis(self) -> Floats:
        """(P,) that of u times that of v."""
        return self._standard(4, 0) * self._standard(0, 4)

    @property
    def variance(self) -> Floats:
        """(P,) of what a row adds to Fisher's z, as scatter.Scatter has it of two features."""
        r, squares = self.correlation, self._standard(2, 2)
        cubes, fourth = self._standard(3, 1) + self._standard(1, 3), self._standard(4, 0) + self._standard(0, 4)
        found = squares - r * cubes + r * r / 4 * (fourth + 2 * squares)
        return np.asarray(np.maximum(found, 0.0) / np.maximum(1 - r * r, NEARLY_ONE) ** 2)

    @cached_property
    def _deviations(self) -> tuple[Floats, Floats]:
        found = (np.sqrt(np.maximum(self._central(2, 0), 0.0)), np.sqrt(np.maximum(self._central(0, 2), 0.0)))
        u, v = (np.where(deviation > LEAST_DEVIATION, deviation, np.nan) for deviation in found)
        return u, v

    def _standard(self, i: int, j: int) -> Floats:
        """Mean of the powers of u and v in standard deviations from their means."""
        u, v = self._deviations
        return np.asarray(self._central(i, j) / (u**i * v**j))

    def _central(self, i: int, j: int) -> Floats:
        """Mean of (u - its mean)ⁱ (v - its mean)ʲ."""
        mean = self.raw / np.where(self.rows > 0, self.rows, np.nan)
        terms = [
            comb(i, a) * comb(j, b) * (-mean[1, 0]) ** (i - a) * (-mean[0, 1]) ** (j - b) * mean[a, b]
            for a in range(i + 1)
            for b in range(j + 1)
        ]
        return np.asarray(np.sum(terms, axis=0))


def _name(i: int, j: int) -> str:
    """As sums.MOMENTS names a sum of uⁱ vʲ."""
    return "_".join(f"{name}{k if k > 1 else ''}" for name, k in (("u", i), ("v", j)) if k)
