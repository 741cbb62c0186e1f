"""One task of a peer, by its own interpreter and with its own defaults: `peers.py TASK REFERENCE CURRENT`."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

from costs import said

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
warnings.filterwarnings("ignore")

NUMBERS = [f"n{i}" for i in range(30)]
CATEGORIES = [f"c{i}" for i in range(10)]
OUTPUTS = ["score", "prediction", "label"]


def frame(path: str, *columns: str) -> Any:
    import pandas as pd

    return pd.read_parquet(path, columns=[*NUMBERS, *CATEGORIES, *columns])


def evidently(reference: str, current: str, *presets: str) -> None:
    """Presets by name, in one report."""
    from evidently import BinaryClassification, DataDefinition, Dataset, Report  # type: ignore[import-not-found]
    from evidently import presets as every

    definition = DataDefinition(
        numerical_columns=NUMBERS,
        categorical_columns=CATEGORIES,
        classification=[BinaryClassification(target="label", prediction_probas="score", pos_label=1)],
    )
    both = [Dataset.from_pandas(frame(path, *OUTPUTS), definition) for path in (current, reference)]
    Report([getattr(every, preset)() for preset in presets]).run(*both)


def nannyml(reference: str, current: str) -> None:
    """Univariate drift by its four continuous and four categorical methods, a chunk a file."""
    import nannyml as nml  # type: ignore[import-not-found]

    calculator = nml.UnivariateDriftCalculator(
        column_names=[*NUMBERS, *CATEGORIES],
        timestamp_column_name="at",
        continuous_methods=["kolmogorov_smirnov", "jensen_shannon", "wasserstein", "hellinger"],
        categorical_methods=["chi2", "jensen_shannon", "l_infinity", "hellinger"],
        chunk_number=1,
    )
    calculator.fit(frame(reference, "at")).calculate(frame(current, "at"))


def whylogs(_reference: str, current: str) -> None:
    """One profile."""
    import whylogs as why  # type: ignore[import-not-found]

    why.log(pandas=frame(current)).view().serialize()


TASKS: dict[str, Callable[..., None]] = {f.__name__: f for f in (evidently, nannyml, whylogs)}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*sys.argv[2:])
    said()
