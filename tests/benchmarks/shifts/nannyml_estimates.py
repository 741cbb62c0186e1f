"""NannyML's own estimates, in an environment of its own: what it says of windows that lie one behind the other.

    path/to/python nannyml_estimates.py cbpe|cbpe_multiclass|dle FOLDER

FOLDER holds reference.parquet and windows.parquet (columns: score, prediction, label and features; of several classes
their scores p_<class>) and window.txt, the rows of a window; the answer is nannyml.json there.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.filterwarnings("ignore")

import nannyml  # noqa: E402
import pandas as pd  # noqa: E402
from nannyml.calibration import NoopCalibrator  # noqa: E402

CLASSES = ["accuracy", "roc_auc", "precision", "recall", "specificity", "f1"]
ERRORS = ["mae", "rmse"]


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    reference, windows = (pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", "windows"))
    rows = int((folder / "window.txt").read_text())
    estimator = {"cbpe": cbpe, "cbpe_multiclass": cbpe_multiclass, "dle": dle}[kind](rows, reference)
    names = {"cbpe": CLASSES, "cbpe_multiclass": ["accuracy"], "dle": ERRORS}[kind]
    result = estimator.fit(reference).estimate(windows.drop(columns="label")).filter(period="analysis").to_df()
    found = {name: result[(name, "value")].tolist() for name in names}
    calibrators = getattr(estimator, "_calibrators", {}).values() if kind == "cbpe_multiclass" else ()
    is_calibrated = bool(getattr(estimator, "needs_calibration", False)) or any(
        not isinstance(one, NoopCalibrator) for one in calibrators
    )
    answer = {"version": nannyml.__version__, "is_calibrated": is_calibrated, "values": found}
    (folder / "nannyml.json").write_text(json.dumps(answer))


def cbpe(rows: int, reference: pd.DataFrame) -> nannyml.CBPE:
    columns = {"y_pred_proba": "score", "y_pred": "prediction", "y_true": "label"}
    return nannyml.CBPE(metrics=CLASSES, problem_type="classification_binary", chunk_size=rows, **columns)


def cbpe_multiclass(rows: int, reference: pd.DataFrame) -> nannyml.CBPE:
    scores = {name.removeprefix("p_"): name for name in reference.columns if name.startswith("p_")}
    columns = {"y_pred_proba": scores, "y_pred": "prediction", "y_true": "label"}
    return nannyml.CBPE(metrics=["accuracy"], problem_type="classification_multiclass", chunk_size=rows, **columns)


def dle(rows: int, reference: pd.DataFrame) -> nannyml.DLE:
    features = [name for name in reference.columns if name not in ("score", "prediction", "label")]
    return nannyml.DLE(feature_column_names=features, y_pred="score", y_true="label", metrics=ERRORS, chunk_size=rows)


if __name__ == "__main__":
    main()
