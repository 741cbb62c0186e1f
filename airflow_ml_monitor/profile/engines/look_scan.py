"""A reference that is open → what a contract asks of its rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import combinations, permutations
from typing import Final, TypeVar

import numpy as np
import sqlalchemy as sa

from airflow_ml_monitor.profile.engines.scan import NUMBERS, ROW_NUMBER, TIMES, Array, Scan, is_any
from airflow_ml_monitor.profile.look import Look, RelationLook, TextLook
from airflow_ml_monitor.profile.queries import look_query
from airflow_ml_monitor.profile.queries.look_query import SUM_TOLERANCE, Columns
from airflow_ml_monitor.profile.text_forms import FORMS

T = TypeVar("T")

_LOOKED: Final = 4_000
"""So many rows suggest the relations, which are then counted in all of them."""
_MOST_COLUMNS: Final = 60
"""Relations are looked for among so many columns at most: pairs grow with the square, sums with the cube."""
_AT_ONCE: Final = 50
"""Relations a statement."""
_MOST_RELATIONS: Final = 300
_BY_CHANCE: Final = 0.05
"""An order is worth a rule where rows in random partners would break it at least so often."""
_SUGGESTED: Final = 0.99


def looked(scan: Scan, columns: Sequence[str], keys: Sequence[str], event_time: str) -> Look:
    """Of the columns that are there. keys: the entity key, of which it is counted how often it repeats."""
    types = {name: kind for name, kind in scan.types["source"].items() if name in {*columns, *keys}}
    names, floats = tuple(types), tuple(n for n, kind in types.items() if kind in ("FLOAT", "DOUBLE"))
    rows, *counts = scan.rows(look_query.present, names, floats, event_time)[0]
    texts = {name: _text(scan, name, event_time) for name, kind in types.items() if kind == "VARCHAR"}
    present = dict(zip(names, map(int, counts), strict=True))
    # A column without a value may have no type.
    valued = {name: types[name] for name, with_value in present.items() if with_value}
    pairs, triples = _suggested(scan, valued, int(rows), event_time)
    orders = _counted(scan, look_query.orders, pairs, _times(valued), event_time)
    sums = _counted(scan, look_query.sums, triples, event_time)
    key = tuple(name for name in keys if name != ROW_NUMBER)
    repeated = None
    if key and set(key) <= set(types):
        repeated = RelationLook(*map(int, scan.rows(look_query.distinct_keys, key, event_time)[0]))
    return Look(int(rows), present, texts, orders, sums, repeated, key if repeated else ())


def _text(scan: Scan, column: str, event_time: str) -> TextLook:
    lengths, damaged, foreign, forms = {}, 0, 0, dict.fromkeys(FORMS, 0)
    for length, rows, broken, beyond, *hits in scan.rows(look_query.text_form, column, event_time):
        lengths[int(length)] = int(rows)
        damaged, foreign = damaged + int(broken), foreign + int(beyond)
        for name, hit in zip(FORMS, hits, strict=True):
            forms[name] += int(hit)
    return TextLook(dict(sorted(lengths.items())), forms, damaged, foreign)


def _times(types: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name, kind in types.items() if is_any(kind, TIMES))


def _counted(
    scan: Scan, build: Callable[..., sa.SelectBase], relations: Sequence[T], *about: Hashable
) -> dict[T, RelationLook]:
    """What a statement counts of each relation: rows in which it can be told, rows in which it holds."""
    found: dict[T, RelationLook] = {}
    for start in range(0, len(relations), _AT_ONCE):
        part = tuple(relations[start : start + _AT_ONCE])
        row = list(map(int, scan.rows(build, part, *about)[0]))
        found |= {one: RelationLook(row[2 * i], row[2 * i + 1]) for i, one in enumerate(part)}
    return found


def _suggested(
    scan: Scan, types: Mapping[str, str], rows: int, event_time: str
) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Orders and sums that hold in a spread of the rows, and not by chance."""
    times = _times(types)
    names = [name for name, kind in types.items() if name in times or is_any(kind, NUMBERS)][:_MOST_COLUMNS]
    if len(names) < 2 or not rows:
        return [], []
    columns: Columns = tuple((name, name in times) for name in names)
    found = scan.columns(look_query.spread, columns, event_time, max(1, rows // _LOOKED), 2 * _LOOKED)
    sample = {name: found[f"c{i}"].astype(np.float64) for i, name in enumerate(names)}
    # Two values say yes and no, and lie below whatever counts.
    varied = {name: x for name, x in sample.items() if len(np.unique(x[np.isfinite(x)])) > 2}
    # Times with and without a zone, days and times: only alike ones are compared.
    alike = [
        (a, b)
        for a, b in permutations(varied, 2)
        if (a in times) == (b in times) and (a not in times or types[a] == types[b])
    ]
    numbers = {name: x for name, x in varied.items() if name not in times}
    pairs = [pair for pair in alike if _is_ordered(varied[pair[0]], varied[pair[1]])]
    return _direct(pairs)[:_MOST_RELATIONS], _sums(numbers)[:_MOST_RELATIONS]


def _is_ordered(a: Array, b: Array) -> bool:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 50 or np.mean(a[both] <= b[both]) < _SUGGESTED:
        return False
    lower, upper = a[both], np.sort(b[both])
    # P(a > b) if a's partner were any row's.
    return float(np.mean(np.searchsorted(upper, lower, side="left")) / len(upper)) >= _BY_CHANCE


def _direct(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without those that follow from two others: a <= c of a <= b and b <= c. Equal columns are left out."""
    known = {pair for pair in pairs if pair[::-1] not in pairs}
    between = {pair: {b for a, b in known if a == pair[0]} & {a for a, b in known if b == pair[1]} for pair in known}
    return [pair for pair in pairs if pair in known and not between[pair]]


def _sums(sample: Mapping[str, Array]) -> list[tuple[str, str, str]]:
    found = []
    for a, b in combinations(sample, 2):
        added = sample[a] + sample[b]
        for c in sample:
            if c in (a, b):
                continue
            all_there = np.isfinite(added) & np.isfinite(sample[c])
            if all_there.sum() < 50:
                continue
            x, y, z = (sample[name][all_there] for name in (a, b, c))
            is_met = np.abs(x + y - z) <= SUM_TOLERANCE * (np.abs(x) + np.abs(y) + np.abs(z))
            # c beside a column that is mostly 0 is no sum.
            is_real = np.mean((x != 0) & (y != 0)) >= _BY_CHANCE
            if is_real and np.mean(is_met) >= _SUGGESTED:
                found.append((a, b, c))
    return found
