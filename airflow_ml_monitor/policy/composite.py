"""Several conditions as one: what a rule of `all` or `any` says of each window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.policy.bounds import Condition
from airflow_ml_monitor.policy.points import Point, worst_first
from airflow_ml_monitor.policy.rule import Rule

_Key = tuple[tuple[str, str, Window], Slice]
"""((model version, window rule, window), slice)"""


@dataclass(frozen=True, slots=True)
class _Known:
    """What one condition says, in all columns and of all sources, by where it says so.

    versioned: the (window rule, window, slice) of which it speaks version by version.
    """

    points: Mapping[_Key, list[Point]]
    versioned: frozenset[tuple[str, Window, Slice]]


def combined(rule: Rule, each: Sequence[Iterable[Sequence[Point]]]) -> list[list[Point]]:
    """One series a model version, window rule and slice, of every window of which enough conditions are known.

    each: the series of each condition, in their order.
    """
    known = [_known(series) for series in each]
    keys = sorted({key for of in known for key in of.points})
    versioned = {place[1:] for place, _ in keys if place[0]}
    found: dict[tuple[str, str, Slice], list[Point]] = defaultdict(list)
    for place, slice in keys:
        if not place[0] and place[1:] in versioned:
            continue  # said of each version
        said = [_said(c, of, (place, slice), rule) for c, of in zip(rule.conditions, known, strict=True)]
        there = [points for points in said if points]
        if len(there) == len(said) or (rule.any and there):
            found[place[0], place[1], slice].append(_one(rule, there, (place, slice)))
    return list(found.values())


def _known(series: Iterable[Sequence[Point]]) -> _Known:
    points: dict[_Key, list[Point]] = defaultdict(list)
    for point in (point for points in series for point in points if point.is_drawn):
        points[point.place, point.slice].append(point)
    return _Known(dict(points), frozenset((*place[1:], slice) for place, slice in points if place[0]))


def _said(condition: Condition, known: _Known, key: _Key, rule: Rule) -> list[Point]:
    """What a condition says there; empty if it is unknown."""
    (version, window_rule, window), slice = key
    # Of any, the whole that is broken would be told again in every slice.
    at = slice if condition.slices or rule.any else WHOLE
    is_pooled = (window_rule, window, at) not in known.versioned
    return known.points.get((("" if is_pooled else version, window_rule, window), at), [])


def _one(rule: Rule, said: Sequence[Sequence[Point]], key: _Key) -> Point:
    broken = [worst for points in said if (worst := worst_first(points))]
    if not broken or (rule.all and len(broken) < len(said)):
        return Point(*key, said[0][0].about)
    told = (points[0].text + (f" and {len(points) - 1} more" if len(points) > 1 else "") for points in broken)
    return Point(*key, broken[0][0].about, " and ".join(told), max(points[0].beyond for points in broken))
