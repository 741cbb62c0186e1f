"""The credit model itself: what the team that owns it would have anyway. Not a DAG; heavy imports stay in functions."""

from __future__ import annotations

import pickle
import zlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

HOME = Path(__file__).resolve().parent.parent / ".demo"
APPLICATIONS, PREDICTIONS, OUTCOMES = (HOME / "data" / name for name in ("applications", "predictions", "outcomes"))
HISTORY, REFERENCE = HOME / "data" / "history.parquet", HOME / "data" / "reference.parquet"
MODELS = HOME / "models"

NUMERIC = ["income", "loan_amount", "age", "debt_ratio", "employment_years", "num_cards"]
LEVELS = ["purpose", "region", "channel"]
FLAGS = ["has_account"]
MATURE_AFTER = timedelta(days=15)
"""Defaults come early: rows younger than this would teach the model that most loans fail."""


def fit(rows: pd.DataFrame) -> Any:
    """A logistic regression on the features; labels in `defaulted`."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numeric = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    prepare = ColumnTransformer(
        [
            ("numeric", numeric, NUMERIC),
            ("levels", OneHotEncoder(handle_unknown="ignore"), LEVELS),
            ("flags", "passthrough", FLAGS),
        ]
    )
    model = Pipeline([("prepare", prepare), ("model", LogisticRegression(max_iter=1000))])
    return model.fit(rows[NUMERIC + LEVELS + FLAGS], rows["defaulted"])


def scores(model: Any, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """The chance of a default, by row."""
    found: np.ndarray[Any, Any] = model.predict_proba(rows[NUMERIC + LEVELS + FLAGS])[:, 1]
    return found


def scored(rows: pd.DataFrame, model: Any, version: str) -> pd.DataFrame:
    """The rows with `score` and `model_version`."""
    return rows.assign(score=scores(model, rows), model_version=version)


def to_bytes(model: Any) -> bytes:
    return pickle.dumps(model)


def from_bytes(content: bytes) -> Any:
    """The model of bytes that this team's own registry holds; never unpickle anyone else's."""
    return pickle.loads(content)


def labelled(first: datetime, known_at: datetime) -> pd.DataFrame:
    """Applications since `first` whose labels were known by `known_at` and are old enough to be nearly complete."""
    import pandas as pd

    last = known_at - MATURE_AFTER
    rows = pd.read_parquet(APPLICATIONS, filters=[("scored_at", ">=", first), ("scored_at", "<", last)])
    outcomes = pd.read_parquet(OUTCOMES, filters=[("known_at", "<=", known_at)])
    return rows.merge(outcomes, on="application_id", validate="one_to_one")


def held_out(rows: pd.DataFrame) -> pd.Series:
    """True for the third of the rows that no model of this run may learn from; the same ids at every retry."""
    return rows["application_id"].map(lambda name: zlib.crc32(name.encode()) % 3 == 0)


def write(rows: pd.DataFrame, path: Path) -> None:
    """Whole or not at all: a monitor must never see half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    rows.to_parquet(unfinished, index=False)
    unfinished.replace(path)
