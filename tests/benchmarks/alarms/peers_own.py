"""What a peer's own code says of rows, in an environment of its own.

    path/to/python peers_own.py evidently|nannyml FOLDER

FOLDER holds counts.npz (start, dates; of column i: days_i (T, cells) and values_i (cells,), categories as numbers) and
kinds.json; every row of a cell has the cell's value. The answer is evidently.json or nannyml.json there: by column what
the monitored days' distances, or p-values, and alarms are.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

Rows = list[list[pd.Series]]
"""Per column, per day."""


def main() -> None:
    peer, folder = sys.argv[1], Path(sys.argv[2])
    kinds = json.loads((folder / "kinds.json").read_text())
    with np.load(folder / "counts.npz") as arrays:
        start, dates = int(arrays["start"]), arrays["dates"]
        rows = [_rows(arrays[f"values_{i}"], arrays[f"days_{i}"], kind) for i, kind in enumerate(kinds)]
    answer = {"evidently": evidently, "nannyml": nannyml}[peer](rows, kinds, start, dates)
    (folder / f"{peer}.json").write_text(json.dumps(answer))


def _rows(values: np.ndarray, days: np.ndarray, kind: str) -> list[pd.Series]:
    every = [pd.Series(np.repeat(values, day)) for day in days]
    return every if kind == "numeric" else [one.map(lambda x: f"c{x:.0f}", na_action="ignore") for one in every]


def evidently(rows: Rows, kinds: list[str], start: int, dates: np.ndarray) -> dict[str, Any]:
    from evidently import __version__  # type: ignore[import-not-found]
    from evidently.legacy.calculations.stattests import get_stattest  # type: ignore[import-not-found]

    found = []
    for days, kind in zip(rows, kinds, strict=True):
        reference = pd.concat(days[:start], ignore_index=True).dropna()
        of_one = []
        for day in days[start:]:
            current = day.dropna()
            test = get_stattest(reference, current, "num" if kind == "numeric" else "cat", None)
            result = test(reference, current, "num" if kind == "numeric" else "cat", None)
            of_one.append([float(result.drift_score), bool(result.drifted)])
        found.append(of_one)
    return {"version": __version__, "columns": found}


def nannyml(rows: Rows, kinds: list[str], start: int, dates: np.ndarray) -> dict[str, Any]:
    import nannyml as peer  # type: ignore[import-not-found]

    names = [f"x{i}" for i in range(len(rows))]
    table = pd.concat(
        [
            pd.DataFrame({name: days[t].to_numpy() for name, days in zip(names, rows, strict=True)}).assign(at=date)
            for t, date in enumerate(pd.to_datetime(dates))
        ],
        ignore_index=True,
    )
    calculator = peer.UnivariateDriftCalculator(
        column_names=names,
        treat_as_categorical=[name for name, kind in zip(names, kinds, strict=True) if kind != "numeric"],
        timestamp_column_name="at",
        chunk_period="D",
    )
    begun = pd.to_datetime(dates)[start]
    result = calculator.fit(table[table["at"] < begun]).calculate(table[table["at"] >= begun])
    of_days = result.filter(period="analysis").to_df()
    found = []
    for name in names:
        mine = of_days[(name, "jensen_shannon")]
        found.append([[float(v), bool(a)] for v, a in zip(mine["value"], mine["alert"], strict=True)])
    return {"version": peer.__version__, "columns": found}


if __name__ == "__main__":
    main()
