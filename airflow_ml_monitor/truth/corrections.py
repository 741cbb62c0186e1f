"""Labels that are wrong at first and put right later: how much of what is shown still belongs to the other class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airflow_ml_monitor.profile.cells import Floats

_MOST_WRONG = 0.4
"""With half of all first labels wrong they would tell nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Corrections:
    """put_right: corrections that have come by age u for each label that is finally in the class, by final label,
    stratum and age, (2, S, H + 1); its last age has the share of the class that is wrong at first. other: labels
    finally in the other class for each in this one, (2, S, 1).
    """

    put_right: Floats
    other: Floats

    @classmethod
    def of(cls, retracted: Floats, net: Floats, odds: Floats) -> Corrections:
        """retracted: hazard by which a label shown at age u is taken back; net: labels shown over those finally shown;
        both by shown label, (2, S, H + 1). odds: positive labels for each negative one, finally, (S,).
        """
        other = np.stack([odds, 1 / odds])[:, :, None]
        # What is taken back of one class is finally in the other.
        return cls(np.cumsum(retracted * net, axis=2)[::-1] * other, other)

    @property
    def wrong(self) -> Floats:
        """The share of a class whose first label is wrong, by final label and stratum, (2, S, 1)."""
        return np.asarray(np.minimum(self.put_right[:, :, -1:], _MOST_WRONG), np.float64)

    def first(self, net: Floats) -> Floats:
        """The share of a class that has been shown by age u, rightly or wrongly, by final label, like net (…, 2, S, U).

        What is first shown as one class is the right part of it and the wrong part of the other: two equations for the
        two shares. First shown is what is shown now, and what was taken back, without what came by correction.
        """
        shown = net - self.put_right + self.other * self.put_right[::-1]
        wrong, other_wrong = self.wrong, self.wrong[::-1]
        flipped = np.flip(shown, axis=-3)
        solved = (shown * (1 - other_wrong) - self.other * other_wrong * flipped) / (1 - wrong - other_wrong)
        return np.asarray(np.clip(solved, 0.0, 1.0), np.float64)

    def still_wrong(self, first: Floats) -> Floats:
        """The part of a class that is shown as the other one at age u, and will be put right, like first."""
        return np.asarray(np.clip(self.wrong * first - self.put_right, 0.0, first), np.float64)
