"""What a regression's ledger sums over an entry's rows: products of error and label, and shares of the label."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_ml_monitor.profile.query import Expression, number, size


def error_sums(error: Expression, label: Expression) -> dict[str, Expression]:
    """By their names in ledger.SUMS, of an error (prediction - label) and a label, both finite.

    error{i}_truth{j}: the i-th power of the error times the j-th of the label, up to the fourth order together; `label`
    itself names the class that entries are grouped by.
    relative: |error| / |label|, 0 where the label is 0; relative_rows counts the others. symmetric: twice |error| over
    |label| + |prediction|, 0 where both are 0 (Makridakis 1993).
    """
    wrong, whole = size(error), size(label) + size(label + error)
    zero, one = number(0), number(1)
    relative = sa.case((label == zero, zero), else_=wrong / size(label))
    symmetric = sa.case((whole == zero, zero), else_=number(2) * wrong / whole)
    powers = {"relative": relative, "symmetric": symmetric}
    return {
        **_products(error, label),
        "error_abs": wrong,
        "truth_abs": size(label),
        "error_truth_abs": size(error * label),
        "relative_rows": sa.case((label == zero, zero), else_=one),
        **{f"{name}{i if i > 1 else ''}": _power(x, i) for name, x in powers.items() for i in (1, 2, 3)},
    }


def _products(error: Expression, label: Expression) -> dict[str, Expression]:
    found = {}
    for i in range(5):
        for j in range(5 - i):
            parts = [(name, x, k) for name, x, k in (("error", error, i), ("truth", label, j)) if k]
            if parts:
                name = "_".join(f"{part}{k if k > 1 else ''}" for part, _, k in parts)
                product = _power(parts[0][1], parts[0][2])
                for _, x, k in parts[1:]:
                    product = product * _power(x, k)
                found[name] = product
    return found


def _power(x: Expression, k: int) -> Expression:
    return x if k == 1 else _power(x, k - 1) * x
