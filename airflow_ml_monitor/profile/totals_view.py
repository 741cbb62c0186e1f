"""What metrics see of rows whose labels are known as totals alone."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@dataclass(frozen=True, slots=True)
class TotalsView:
    """Totals of labels beside those of the predictions of the same days and parts, added up.

    n: rows that totals are of. labels: how many of them are positive (binary), or the sum of their labels. matched:
    predictions that these rows are among: all of the days and parts that have a total. Where they are more than n, the
    rows of a total are taken to be predicted as its day and part is on average.
    """

    n: int
    labels: float
    matched: int
    _compared: float
    _scores: float
    _decided: float

    @classmethod
    def of(cls, rows: LabelledView) -> TotalsView:
        """Of a ledger of totals. Undefined where one is too large to be added."""
        is_binary = rows.task.kind is TaskKind.BINARY
        labels = float(rows.count[rows.label == 1].sum()) if is_binary else rows.total("truth")
        decided = rows.total("decided") if is_binary else 0.0
        sums = (rows.total("compared"), rows.total("score"), decided)
        return cls(rows.n, labels, round(rows.total("matched")), *sums)

    @property
    def mean_label(self) -> float:
        """Labels a row: of a binary task the share of positives. TooFew without a total."""
        self._need()
        return self.labels / self.n

    @property
    def mean_score(self) -> float:
        """The mean score, or prediction, of the same rows. TooFew without a total."""
        return self._predicted(self._scores)

    @property
    def decided(self) -> float:
        """Rows of them that were decided positive: no whole number where totals are not of all rows. Binary."""
        return self._predicted(self._decided) * self.n

    def _predicted(self, total: float) -> float:
        self._need()
        if round(self._compared) < self.n:
            raise Undefined(f"of {self.n - round(self._compared)} of {self.n} rows no prediction has a score")
        return total / self.n

    def _need(self) -> None:
        if not self.n:
            raise TooFew("no total has come")
