"""Profiles and entries as bytes: golden files of every version stay readable."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from airflow_ml_monitor.errors import CodecError
from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.profile.cells import Cells, Profile
from airflow_ml_monitor.profile.codec import (
    MAGIC,
    VERSION,
    decode_entries,
    decode_profile,
    encode_entries,
    encode_profile,
)
from airflow_ml_monitor.profile.layout import NULL, PLUS_INF
from airflow_ml_monitor.profile.ledger import PREDICTED, Entries, micros
from airflow_ml_monitor.profile.row_sample import RowSample
from airflow_ml_monitor.profile.scatter import Scatter
from airflow_ml_monitor.profile.traces import Products, Traces

GOLDEN = Path(__file__).parents[1] / "golden"
NIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def some_profile() -> Profile:
    """Small, with everything that a profile may hold."""
    nan = np.nan
    numeric = Cells(
        np.array([NULL, PLUS_INF, -512, 0, 300]),
        np.array([2, 1, 1, 4, 2**40]),
        np.array([0.0, 0.0, -1e300, 0.1, 1.5e12]),
        np.array([0.0, 0.0, np.inf, 0.01, 2.5e12]),
        np.array([nan, nan, -1e300, -0.0, 1.0]),
        np.array([nan, nan, -1e300, 0.1, 1e9]),
    )
    named = Cells(np.array([0, 1]), np.array([3, 4]), np.zeros(2), np.zeros(2), np.full(2, nan), np.full(2, nan))
    north = (("region", "Ñorth"),)
    return Profile(
        "credit",
        Window(datetime(2026, 3, 1, tzinfo=UTC), NIGHT),
        "0123456789abcdef01234567",
        {WHOLE: 7, north: 3},
        {(WHOLE, "x"): numeric, (WHOLE, "c"): named, (north, "x"): Cells.empty(), (north, "c"): named},
        2,
        datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC),
        {"v1": 4, "v2": 3},
        {"y": "column 'y' is missing"},
    )


def some_traces(version: int = VERSION) -> Traces:
    """Of every kind that a scan could leave when a version was the newest."""
    products = Products(("c", "x"), 7, np.array([3.0, -0.25]), np.array([[3.0, 0.5], [0.5, 1.75]]))
    first = Traces(
        {"x": "DOUBLE", "c": "VARCHAR", "Ñ": "VARCHAR"},
        {0: 3, 167: 4},
        {"c": {"Ñew": 21}},
        products,
        {"c": 1},
        {"x": {"m:ss": 2, "": 1}},
        {"y": {"y_old": {-3: 2, NULL: 5}}},
        {0: 5, 4096: 2},
    )
    rows, pairs = np.array([[40.0, 30.0], [30.0, 35.0]]), np.array([[1.5, 0.25], [0.25, 3.75]])
    scatter = Scatter(("c", "x"), rows, pairs, 40.0, np.array([81.5]), 0.125)
    sample = RowSample.lowest(["x", "c"], 100, np.array([2**52, 5, 7]), np.array([[3, -1], [-32_768, 0], [32_000, 1]]))
    return first if version < 2 else replace(first, scatter=scatter, sample=sample)


def some_entries() -> Entries:
    north = (("region", "Ñorth"),)
    known = np.array([micros(NIGHT), micros(NIGHT), micros(NIGHT) + 1])
    sums = np.array([[0.0] * 5, [0.7, 0.36, 0.13, 0.09, 0.0081], [-0.7, -0.36, -0.13, -0.09, -0.0081]])
    columns = ([0, 0, 1], [PREDICTED, 1, 0], [1, 1, 0], [716, 716, -1], [5, 1, -1])
    return Entries(((WHOLE, "", "v1"), (north, "slow", "")), known, *(np.array(c) for c in columns), sums)


def same_profiles(a: Profile, b: Profile) -> None:
    for name in ("dataset", "window", "layout_digest", "rows", "duplicates", "newest", "versions", "faults"):
        assert getattr(a, name) == getattr(b, name), name
    assert set(a.cells) == set(b.cells)
    for key, cells in a.cells.items():
        for name in ("bucket", "count", "low", "high"):
            np.testing.assert_array_equal(getattr(cells, name), getattr(b.cells[key], name))
        for name in ("d1", "d2"):
            np.testing.assert_allclose(getattr(cells, name), getattr(b.cells[key], name), rtol=1e-9)
        assert b.cells[key].bucket.dtype == np.int64
        assert b.cells[key].d1.dtype == np.float64


def same_entries(a: Entries, b: Entries) -> None:
    assert a.groups == b.groups
    for name in ("known", "group", "label", "prediction", "bucket", "count", "sums"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.names == b.names


def unpacked(payload: bytes) -> bytes:
    """What the bytes say; how hard they were squeezed is zlib's affair."""
    return payload[:5] + zlib.decompress(payload[5:])


def same_traces(a: Traces, b: Traces) -> None:
    for name in ("columns", "hours", "unseen", "damaged", "forms", "candidates", "distances"):
        assert getattr(a, name) == getattr(b, name), name
    assert a.products is not None
    assert b.products is not None
    assert (a.products.columns, a.products.n) == (b.products.columns, b.products.n)
    np.testing.assert_array_equal(a.products.sums, b.products.sums)
    np.testing.assert_array_equal(a.products.matrix, b.products.matrix)
    assert (a.scatter is None, a.sample is None) == (b.scatter is None, b.sample is None)
    if a.scatter is not None and b.scatter is not None:
        for name in ("columns", "rows", "pairs", "seen", "components", "rest"):
            np.testing.assert_array_equal(getattr(a.scatter, name), getattr(b.scatter, name))
    if a.sample is not None and b.sample is not None:
        for name in ("columns", "most", "hashes", "values"):
            np.testing.assert_array_equal(getattr(a.sample, name), getattr(b.sample, name))


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_the_golden_profiles_of_every_version_are_read(version: int) -> None:
    same_profiles(decode_profile((GOLDEN / f"profile-v{version}.bin").read_bytes()), some_profile())
    made = decode_profile((GOLDEN / f"profile-v{version}-traces.bin").read_bytes())
    same_profiles(made, replace(some_profile(), traces=some_traces(version)))
    same_traces(made.traces, some_traces(version))


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_the_golden_entries_of_every_version_are_read(version: int) -> None:
    same_entries(decode_entries((GOLDEN / f"entries-v{version}.bin").read_bytes()), some_entries())


def test_the_golden_files_of_this_version_are_still_written() -> None:
    with_traces = replace(some_profile(), traces=some_traces())
    written = {
        "profile": encode_profile(some_profile()),
        "profile-traces": encode_profile(with_traces),
        "entries": encode_entries(some_entries()),
    }
    for name, payload in written.items():
        kind, *rest = name.split("-")
        path = GOLDEN / "-".join([kind, f"v{VERSION}", *rest])
        assert unpacked(payload) == unpacked(path.with_suffix(".bin").read_bytes()), name


def test_every_version_that_was_ever_written_has_its_golden_files() -> None:
    for version in range(1, VERSION + 1):
        for kind in ("profile", "entries"):
            payload = (GOLDEN / f"{kind}-v{version}.bin").read_bytes()
            assert (payload[:4], payload[4]) == (MAGIC, version)


def test_entries_stored_before_a_sum_was_added_have_no_number_for_it_and_keep_the_others() -> None:
    old = decode_entries((GOLDEN / "entries-v1.bin").read_bytes())
    fresh = replace(old, sums=np.arange(21.0).reshape(3, 7))
    names = ("score", "log_loss", "log_loss2", "brier", "brier2", "amount", "amount2")
    both = Entries.together([old, fresh], names)
    np.testing.assert_array_equal(both.sums[:, :5], np.concatenate([old.sums, fresh.sums[:, :5]]))
    assert np.isnan(both.sums[:3, 5:]).all()
    added = both.added()
    np.testing.assert_array_equal(added.count, 2 * old.count)
    np.testing.assert_allclose(added.sums[:, :5], old.sums + fresh.sums[:, :5])
    assert np.isnan(added.sums[:, 5:]).all()
    # What is taken back as a whole is gone, whatever it did not sum.
    assert Entries.together([old, -old], names).added().size == 0


def test_a_profile_of_nothing_survives() -> None:
    empty = Profile("d", some_profile().window, "x", {WHOLE: 0}, {}, faults={"": "no file"})
    same_profiles(decode_profile(encode_profile(empty)), empty)


def test_entries_of_nothing_survive() -> None:
    none = Entries.empty(("score", "brier"))
    same_entries(decode_entries(encode_entries(none)), none)


@pytest.mark.parametrize("payload", [b"", b"AML", b"AMLM", b"PAR1....", b"AMLN" + encode_profile(some_profile())[4:]])
def test_bytes_of_another_make_are_refused(payload: bytes) -> None:
    with pytest.raises(CodecError, match="are no profile: they do not begin with"):
        decode_profile(payload)


def test_a_newer_version_asks_for_an_upgrade() -> None:
    payload = MAGIC + bytes([VERSION + 1]) + b"whatever"
    with pytest.raises(
        CodecError, match=f"codec version {VERSION + 1}; this release reads up to {VERSION}: upgrade it"
    ):
        decode_entries(payload)


def test_another_kind_is_named() -> None:
    with pytest.raises(CodecError, match="these bytes hold a entries, not a profile"):
        decode_profile(encode_entries(some_entries()))
    with pytest.raises(CodecError, match="these bytes hold a profile, not a entries"):
        decode_entries(encode_profile(some_profile()))


@pytest.mark.parametrize(
    "broken",
    [
        encode_profile(some_profile())[:-20],
        MAGIC + bytes([VERSION]),
        MAGIC + bytes([VERSION]) + b"no zlib",
        MAGIC + bytes([VERSION]) + zlib.compress(b"ab"),
        MAGIC + bytes([VERSION]) + zlib.compress(struct.pack("<I", 4) + b"{no}"),
        MAGIC + bytes([VERSION]) + zlib.compress(struct.pack("<I", 2) + b"{}"),
    ],
)
def test_broken_bytes_are_a_codec_error(broken: bytes) -> None:
    with pytest.raises(CodecError, match="are cut short or broken"):
        decode_profile(broken)
