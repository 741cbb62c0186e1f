"""Rows and their replay that are open → how many differ."""

from __future__ import annotations

from airflow_ml_monitor.errors import MissingColumn
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.label_types import key_readings
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import Scan
from airflow_ml_monitor.profile.queries import replay_query
from airflow_ml_monitor.profile.skew import Skew


def openings(dataset: Dataset, window: Window) -> dict[str, Opening]:
    """The dataset's rows of a window and its whole replay, for the columns that are compared."""
    replayed = dataset.replayed
    names = tuple(column.name for column in replayed.columns)
    mine = dict.fromkeys((dataset.event_time, *dataset.entity_key, *names))
    theirs = dict.fromkeys((*replayed.entity_key, *names))
    return {"source": Opening(dataset, tuple(mine), window), "replay": Opening(replayed, tuple(theirs))}


def skew(scan: Scan, dataset: Dataset, window: Window) -> Skew:
    """Of the sources `source` and `replay`; MissingColumn where one lacks a key."""
    mine, theirs = scan.types["source"], scan.types["replay"]
    replayed = dataset.replayed
    pairs = tuple(zip(dataset.entity_key, replayed.entity_key, strict=True))
    for name, there in pairs:
        if name not in mine:
            raise MissingColumn(f"column {name!r} (entity key) is missing")
        if there not in theirs:
            raise MissingColumn(f"column {there!r} (key) is missing in the replay of {dataset.name!r}")
    own = scan.faults(replayed.columns)
    asked = [column for column in replayed.columns if column.name not in own]
    faults = {name: f"{why} in the replay" for name, why in scan.faults(asked, "replay").items()}
    columns = tuple(_compared(scan, dataset, c) for c in asked if c.name not in faults)
    readings = tuple(key_readings(mine[a], theirs[b]) for a, b in pairs)
    pairing = replay_query.Pairing(pairs, readings, columns, scan.within(dataset, window))
    rows, joined, repeated, *differing = map(int, scan.rows(replay_query.skew, pairing)[0])
    by_column = dict(zip((column.name for column in columns), differing, strict=True))
    return Skew(rows, joined, repeated, by_column, faults)


def _compared(scan: Scan, dataset: Dataset, column: Column) -> replay_query.Compared:
    if column.kind is not Kind.DATETIME:
        return replay_query.Compared(column.name, column.kind)
    owners = {"source": dataset, "replay": dataset.replayed}
    zones = ["" if "TIME ZONE" in scan.types[name][column.name] else owner.zone for name, owner in owners.items()]
    return replay_query.Compared(column.name, column.kind, (zones[0], zones[1]))
