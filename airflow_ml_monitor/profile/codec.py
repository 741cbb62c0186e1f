"""Profiles and ledger entries ↔ compact versioned bytes, columns named.

Layout of version 2: b"AMLM", one byte of version, then zlib of: 4 bytes header length, the header as JSON
({"kind", "meta", "columns": [[name, dtype, length, kind], …]}), the columns one after the other, each little-endian and
by significance: the first byte of every number, then the second of every number. dtype: the narrowest that holds it;
kind: what it is read as. Of cells it holds what packed_cells.py keeps, of a symmetric matrix one half.
Version 1: columns number by number, cells as they are, matrices whole.
Old versions stay readable: tests/golden holds bytes of each.

Of what was tried on a day of 40 columns (533 kB in version 1, read in 4 ms of CPU): zlib 173 kB, read in 2 ms; lzma
157 kB, in 10 ms.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np

from airflow_ml_monitor.errors import CodecError
from airflow_ml_monitor.keys import Slice, Window
from airflow_ml_monitor.profile.cells import Cells, Draw, Profile
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.packed_cells import packed_cells, unpacked_cells
from airflow_ml_monitor.profile.row_sample import RowSample
from airflow_ml_monitor.profile.scatter import Scatter
from airflow_ml_monitor.profile.traces import Products, Traces

MAGIC: Final = b"AMLM"
VERSION: Final = 2
_CELLS = ("bucket", "count", "d1", "d2", "low", "high")
_ENTRIES = ("known", "group", "label", "prediction", "bucket", "count")


def _packed(kind: str, meta: Mapping[str, Any], columns: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    header, bodies = [], []
    for name, column in columns.items():
        small = _narrow(column)
        header.append([name, small.dtype.str, len(small), column.dtype.kind])
        bodies.append(small.view(np.uint8).reshape(len(small), small.itemsize).T.tobytes())
    text = json.dumps({"kind": kind, "meta": meta, "columns": header}, sort_keys=True).encode()
    return MAGIC + bytes([VERSION]) + zlib.compress(struct.pack("<I", len(text)) + text + b"".join(bodies), 6)


def _narrow(column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Whole numbers in the fewest bytes that hold them; others as they are."""
    if column.dtype.kind == "f" and (not len(column) or not _is_whole(column)):
        return np.ascontiguousarray(column, "<f8")
    low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
    fits = next(d for d in ("<i1", "<i2", "<i4", "<i8") if np.iinfo(d).min <= low and high <= np.iinfo(d).max)
    return np.ascontiguousarray(column, fits)


def _is_whole(column: np.ndarray[Any, Any]) -> bool:
    """Whether floats come back to the bit from whole numbers."""
    return bool(((np.abs(column) < 2**31) & (np.rint(column) == column) & ~((column == 0) & np.signbit(column))).all())


def _unpacked(kind: str, payload: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    if payload[:4] != MAGIC or len(payload) < 5:
        raise CodecError(f"these {len(payload)} bytes are no {kind}: they do not begin with {MAGIC!r} and a version")
    if payload[4] > VERSION:
        raise CodecError(f"a {kind} of codec version {payload[4]}; this release reads up to {VERSION}: upgrade it")
    try:
        header, columns = _read(zlib.decompress(payload[5:]), payload[4])
    except (zlib.error, struct.error, ValueError, KeyError) as error:
        raise CodecError(f"these {len(payload)} bytes of a {kind} are cut short or broken") from error
    if header["kind"] != kind:
        raise CodecError(f"these bytes hold a {header['kind']}, not a {kind}")
    return header["meta"], columns


def _read(body: bytes, version: int) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """(header, columns) of the bytes within."""
    (length,) = struct.unpack("<I", body[:4])
    header = json.loads(body[4 : 4 + length])
    at, columns = 4 + length, {}
    for name, dtype, size, *kind in header["columns"]:
        column = np.frombuffer(body, dtype, size, at)
        at += column.nbytes
        if version > 1:
            column = column.view(np.uint8).reshape(column.itemsize, size).T.copy().view(dtype)[:, 0]
        columns[name] = column.astype(np.float64 if (*kind, column.dtype.kind)[0] == "f" else np.int64)
    return header, columns


def encode_profile(profile: Profile, *, to_the_bit: bool = False) -> bytes:
    """The bytes of a profile. to_the_bit: of one that is on its way, not kept: nothing of its cells is rounded."""
    keys = sorted(profile.cells)
    columns = packed_cells([profile.cells[key] for key in keys], to_the_bit=to_the_bit) | _trace_columns(profile.traces)
    meta = {
        "dataset": profile.dataset,
        "window": [profile.window.start.isoformat(), profile.window.end.isoformat()],
        "layout": profile.layout_digest,
        "rows": [[slice, rows] for slice, rows in sorted(profile.rows.items())],
        "keys": [[slice, column] for slice, column in keys],
        "duplicates": profile.duplicates,
        "newest": profile.newest and profile.newest.isoformat(),
        "versions": dict(profile.versions),
        "faults": dict(profile.faults),
    }
    if profile.draw is not None:
        meta["draw"] = [profile.draw.fraction, profile.draw.population]
    if profile.traces != Traces():
        meta["traces"] = _told(profile.traces)
    return _packed("profile", meta, columns)


def _trace_columns(traces: Traces) -> dict[str, np.ndarray[Any, Any]]:
    columns: dict[str, np.ndarray[Any, Any]] = {}
    if (products := traces.products) is not None:
        columns |= {"sums": products.sums, "products": _half(products.matrix)}
        if products.pairs is not None and products.shared is not None:
            columns |= {"pairs": _half(products.pairs), "shared": products.shared.ravel()}
    if (scatter := traces.scatter) is not None:
        columns |= {"scatter_rows": _half(scatter.rows), "scatter_pairs": _half(scatter.pairs)}
        columns |= {"scatter_components": scatter.components}
    if (sample := traces.sample) is not None:
        columns |= {"sample_hashes": np.diff(sample.hashes, prepend=0), "sample_values": sample.values.T.ravel()}
    return columns


def _told(traces: Traces) -> dict[str, Any]:
    """What traces are besides their columns."""
    products, scatter, sample = traces.products, traces.scatter, traces.sample
    told: dict[str, Any] = {
        "columns": dict(traces.columns),
        "hours": sorted(traces.hours.items()),
        "unseen": {name: dict(values) for name, values in traces.unseen.items()},
        "products": products and {"columns": list(products.columns), "n": products.n},
        "damaged": dict(traces.damaged),
        "forms": {name: dict(forms) for name, forms in traces.forms.items()},
        "candidates": {
            missing: {name: sorted(rows.items()) for name, rows in found.items()}
            for missing, found in traces.candidates.items()
        },
        "distances": sorted(traces.distances.items()),
    }
    if scatter is not None:
        told["scatter"] = {"columns": list(scatter.columns), "seen": scatter.seen, "rest": scatter.rest}
    if sample is not None:
        told["sample"] = {"columns": list(sample.columns), "most": sample.most}
    return told


def decode_profile(payload: bytes) -> Profile:
    """The profile of some bytes; CodecError if they are none, or of a newer release."""
    meta, columns = _unpacked("profile", payload)
    found = unpacked_cells(columns) if payload[4] > 1 else _plain_cells(columns)
    cells = {(_slice(slice), str(column)): of for (slice, column), of in zip(meta["keys"], found, strict=True)}
    return Profile(
        meta["dataset"],
        Window(*(datetime.fromisoformat(t) for t in meta["window"])),
        meta["layout"],
        {_slice(slice): rows for slice, rows in meta["rows"]},
        cells,
        meta["duplicates"],
        meta["newest"] and datetime.fromisoformat(meta["newest"]),
        meta["versions"],
        meta["faults"],
        _traces(meta.get("traces"), columns),
        Draw(*meta["draw"]) if "draw" in meta else None,
    )


def _plain_cells(columns: Mapping[str, np.ndarray[Any, Any]]) -> list[Cells]:
    """Of version 1."""
    ends = np.cumsum(columns["length"])
    spans = [np.s_[end - length : end] for length, end in zip(columns["length"], ends, strict=True)]
    return [Cells(*(columns[name][span] for name in _CELLS)) for span in spans]


def _traces(meta: Mapping[str, Any] | None, columns: Mapping[str, np.ndarray[Any, Any]]) -> Traces:
    """Traces; none in the bytes of a release that left none."""
    if meta is None:
        return Traces()
    products = None
    if named := meta["products"]:
        size = len(named["columns"])
        matrix, *by_pair = (_square(columns[name], size) for name in ("products", "pairs", "shared") if name in columns)
        products = Products(tuple(named["columns"]), named["n"], columns["sums"], matrix, *by_pair)
    hours = {int(hour): rows for hour, rows in meta["hours"]}
    # Not in the bytes of a release before these were noted.
    damaged, forms, found = (meta.get(name, {}) for name in ("damaged", "forms", "candidates"))
    candidates = {
        missing: {name: {int(bucket): count for bucket, count in rows} for name, rows in each.items()}
        for missing, each in found.items()
    }
    distances = dict(meta.get("distances", ()))
    scatter = None
    if named := meta.get("scatter"):
        rows, pairs = (_square(columns[name], len(named["columns"])) for name in ("scatter_rows", "scatter_pairs"))
        of_axes = (named["seen"], columns["scatter_components"], named["rest"])
        scatter = Scatter(tuple(named["columns"]), rows, pairs, *of_axes)
    sample = None
    if named := meta.get("sample"):
        hashes = np.cumsum(columns["sample_hashes"])
        values = columns["sample_values"].reshape(len(named["columns"]), len(hashes)).T
        sample = RowSample(tuple(named["columns"]), named["most"], hashes, values)
    plain = meta["columns"], hours, meta["unseen"], products, damaged, forms, candidates, distances
    return Traces(*plain, scatter, sample)


def _half(matrix: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A matrix row by row; of one that is symmetric to the bit only what is not below its diagonal."""
    is_symmetric = len(matrix) > 1 and np.array_equal(matrix, matrix.T, equal_nan=True)
    return matrix[np.triu_indices(len(matrix))] if is_symmetric else matrix.ravel()


def _square(column: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """A matrix of so many rows, from all of them or from one half."""
    if len(column) == size * size:
        return column.reshape(size, size)
    upper = np.zeros((size, size))
    upper[np.triu_indices(size)] = column
    return np.asarray(np.where(np.tri(size, dtype=bool), upper.T, upper))


def encode_entries(entries: Entries) -> bytes:
    """The bytes of ledger entries."""
    columns = {name: getattr(entries, name) for name in _ENTRIES}
    columns |= {f"sum{i}": entries.sums[:, i] for i in range(entries.sums.shape[1])}
    names = {"names": entries.names} if entries.names else {}
    return _packed("entries", {"groups": entries.groups, "sums": entries.sums.shape[1], **names}, columns)


def decode_entries(payload: bytes) -> Entries:
    """The ledger entries of some bytes; CodecError if they are none, or of a newer release."""
    meta, columns = _unpacked("entries", payload)
    sums = [columns[f"sum{i}"] for i in range(meta["sums"])]
    groups = tuple((_slice(slice), stratum, version) for slice, stratum, version in meta["groups"])
    known, group, label, prediction, bucket, count = (columns[name] for name in _ENTRIES)
    stacked = np.stack(sums, axis=1) if sums else np.zeros((len(known), 0))
    return Entries(groups, known, group, label, prediction, bucket, count, stacked, tuple(meta.get("names", ())))


def _slice(pairs: list[list[str]]) -> Slice:
    return tuple((column, value) for column, value in pairs)
