"""Performance from rows, by pandas and scikit-learn alone: the hotel's figures without a line of the monitor.

    python hotel_recompute.py BOOKINGS PREDICTIONS END OUT

Every file in the folder PREDICTIONS is named after the Monday its week begins on. OUT gets a CSV with a row for every
week and every Monday from its end to END: window, known_at, roc_auc, accuracy, label_rate, labelled, predicted.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from sklearn.metrics import roc_auc_score

WEEK = pd.Timedelta(days=7)
THRESHOLD = 0.5
COLUMNS = ["window", "known_at", "roc_auc", "accuracy", "label_rate", "labelled", "predicted"]


def recomputed(bookings: Path, predictions: Path, end: pd.Timestamp) -> pd.DataFrame:
    """Of each week from rows with label_time ≤ K, for every Monday K; the AUC is NaN with one class only."""
    truth = pd.read_parquet(bookings, columns=["prediction_time", "is_canceled", "label_time"])
    rows = []
    for path in sorted(predictions.glob("*.parquet")):
        monday = pd.Timestamp(path.stem)
        scored = pd.read_parquet(path, columns=["booking", "score"]).set_index("booking")
        booked = truth[(truth.prediction_time >= monday) & (truth.prediction_time < monday + WEEK)]
        assert sorted(booked.index) == sorted(scored.index), f"{path.name} does not hold the week's bookings"
        week = booked.join(scored)
        for known_at in pd.date_range(monday + WEEK, end, freq="7D"):
            known = week[week.label_time <= known_at]
            two = known.is_canceled.nunique() == 2
            auc = float(roc_auc_score(known.is_canceled, known.score)) if two else float("nan")
            right = float(((known.score >= THRESHOLD) == (known.is_canceled == 1)).mean())
            rows.append((monday, known_at, auc, right, float(known.is_canceled.mean()), len(known), len(week)))
    return pd.DataFrame(rows, columns=COLUMNS)


if __name__ == "__main__":
    bookings, predictions, end, out = sys.argv[1:]
    recomputed(Path(bookings), Path(predictions), pd.Timestamp(end)).to_csv(out, index=False)
