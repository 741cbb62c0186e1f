"""A batch is split without loss: every row, value and type is in one of two files that appear whole."""

import datetime as dt
import threading
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.errors import NoSource, ScanError, SpecError, WrongType
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded import row_batches, row_split
from airflow_ml_monitor.profile.engines.embedded.row_split import Outputs, split
from airflow_ml_monitor.profile.kernel import outlying
from airflow_ml_monitor.profile.row_tests import (
    Between,
    Bounds,
    Exists,
    How,
    Ordered,
    Present,
    Reads,
    RowRule,
    Total,
    Usual,
)

KEPT = RowRule("kept", Between("kept", Bounds(low=1)))
"""A row of kept = 0 is held back."""

KEPT_ALL = RowRule("kept all", Exists("x"))

TABLE = pa.table(
    {
        "kept": pa.array([1, 0, None, 5], pa.int8()),
        "half": pa.array(np.array([1, np.nan, 3, 4], np.float16)),
        "double": pa.array([0.1, float("nan"), None, -0.0]),
        "big": pa.array([2**64 - 1, 0, None, 7], pa.uint64()),
        "money": pa.array([Decimal("1.10"), None, Decimal("0.00"), Decimal("9.99")], pa.decimal128(9, 2)),
        "wide": pa.array([Decimal(10) ** 50, None, Decimal(0), Decimal(1)], pa.decimal256(60, 0)),
        "text": pa.array(["", None, "é", "a\x00b"], pa.large_string()),
        "kind": pa.array(["a", "b", None, "a"]).dictionary_encode(),
        "raw": pa.array([b"\xff", None, b"", b"x"], pa.binary()),
        "nano": pa.array([1, None, 3, 4], pa.timestamp("ns")),
        "zoned": pa.array([1, None, 3, 4], pa.timestamp("us", "Europe/Berlin")),
        "day": pa.array([dt.date(2026, 1, 1), None, dt.date(1, 1, 1), dt.date(2262, 1, 1)], pa.date32()),
        "clock": pa.array([dt.time(1), None, dt.time(2), dt.time(3)], pa.time64("us")),
        "flags": pa.array([[True], None, [], [None]], pa.list_(pa.bool_())),
        "nested": pa.array([{"a": 1}, None, {"a": None}, {"a": 4}], pa.struct([("a", pa.int32())])),
        "nothing": pa.nulls(4),
    }
).replace_schema_metadata({"made by": "a test"})


@pytest.fixture
def outputs(tmp_path):
    return Outputs(tmp_path / "out" / "good.parquet", tmp_path / "out" / "quarantine.parquet")


@pytest.fixture
def batch(tmp_path):
    """Writes a table as the file of a batch."""

    def write(table, name="batch.parquet"):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        pq.write_table(table, path, row_group_size=3 if table.num_rows < 1000 else 10_000)
        return path

    return write


def numbers(n, seed=0):
    random = np.random.default_rng(seed)
    return pa.table({"nth": np.arange(n), "kept": random.integers(0, 3, n), "x": random.normal(size=n)})


@pytest.mark.parametrize("as_file", [True, False], ids=["file", "table"])
def test_values_and_types_are_those_of_the_batch(batch, outputs, as_file):
    source = batch(TABLE) if as_file else TABLE
    expected = pq.read_table(source) if as_file else TABLE
    found = split(source, [KEPT], outputs)
    good, held = pq.read_table(outputs.good), pq.read_table(outputs.quarantine)
    assert (found.rows, found.good, found.quarantined, dict(found.by_reason)) == (4, 3, 1, {"kept": 1})
    assert good.schema.equals(pq.read_table(batch(TABLE)).schema, check_metadata=True)
    assert good.to_pylist()[0]["nano"] == expected.to_pylist()[0]["nano"]
    assert repr(good.to_pylist()) == repr(expected.take([0, 2, 3]).to_pylist())
    assert repr(held.drop(["reasons"]).to_pylist()) == repr(expected.take([1]).to_pylist())
    assert held["reasons"].to_pylist() == [["kept"]]


@pytest.mark.parametrize("piece", [1, 7, 64, 10_000])
def test_no_row_is_lost_or_twice_in_whatever_pieces_it_is_read(batch, outputs, monkeypatch, piece):
    monkeypatch.setattr(row_batches, "BATCH_ROWS", piece)
    table = numbers(100)
    found = split(batch(table), [KEPT, RowRule("x", Between("x", Bounds(high=1.0)))], outputs)
    good, held = pq.read_table(outputs.good).to_pandas(), pq.read_table(outputs.quarantine).to_pandas()
    frame = table.to_pandas()
    fine = (frame["kept"] >= 1) & (frame["x"] <= 1.0)
    assert good["nth"].tolist() == frame["nth"][fine].tolist()
    assert held["nth"].tolist() == frame["nth"][~fine].tolist()
    why = [[*["kept"] * (row.kept < 1), *["x"] * (row.x > 1.0)] for row in held.itertuples()]
    assert [[*reasons] for reasons in held["reasons"]] == why
    assert found.by_reason == {"kept": sum(frame["kept"] < 1), "x": sum(frame["x"] > 1.0)}


def test_the_same_batch_gives_the_same_bytes_and_a_retry_replaces_its_own_output(batch, outputs):
    path = batch(numbers(500))
    first = split(path, [KEPT], outputs)
    made = outputs.good.read_bytes(), outputs.quarantine.read_bytes()
    assert split(path, [KEPT], outputs) == first
    assert (outputs.good.read_bytes(), outputs.quarantine.read_bytes()) == made
    assert sorted(path.name for path in outputs.good.parent.iterdir()) == ["good.parquet", "quarantine.parquet"]


def test_runs_at_once_never_show_half_a_file(batch, outputs):
    path = batch(numbers(20_000))
    split(path, [KEPT], outputs)
    good, wrong, over = pq.read_metadata(outputs.good).num_rows, [], threading.Event()

    def look():
        while not over.is_set():
            try:
                rows = [pq.read_metadata(one).num_rows for one in (outputs.good, outputs.quarantine)]
            except Exception as error:
                rows = [type(error)]
            if rows != [good, 20_000 - good]:
                wrong.append(rows)

    def work():
        for _ in range(3):
            split(path, [KEPT], outputs)

    looking = threading.Thread(target=look)
    writers = [threading.Thread(target=work) for _ in range(2)]
    for one in (looking, *writers):
        one.start()
    for one in writers:
        one.join()
    over.set()
    looking.join()
    assert wrong == []


def test_what_stood_there_stays_where_the_batch_cannot_be_read(batch, outputs, tmp_path):
    split(batch(numbers(10)), [KEPT], outputs)
    before = outputs.good.read_bytes()
    broken = tmp_path / "in" / "broken.parquet"
    # A footer without the pages before it: the schema is read, the rows cannot be.
    whole = batch(numbers(50_000)).read_bytes()
    broken.write_bytes(whole[:4] + b"\0" * (len(whole) - 200_000) + whole[len(whole) - 200_000 + 4 :])
    with pytest.raises(NoSource, match="cannot be read"):
        split(broken, [KEPT], outputs)
    assert outputs.good.read_bytes() == before
    assert sorted(path.name for path in outputs.good.parent.iterdir()) == ["good.parquet", "quarantine.parquet"]


def test_a_batch_that_changes_while_it_is_read_replaces_nothing(batch, outputs):
    path = batch(numbers(10))

    def meanwhile(piece):
        batch(numbers(11))
        return []

    with pytest.raises(ScanError, match="changed while being read"):
        split(path, [KEPT], outputs, meanwhile)
    assert not outputs.good.exists()
    assert not outputs.quarantine.exists()


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (RowRule("r", Present("gone")), "column 'gone' is missing"),
        (RowRule("r", Exists("gone")), "column 'gone' is missing"),
        (RowRule("r", Between("text", Bounds(low=1))), "column 'text' arrived as text"),
        (RowRule("r", Between("kept", Bounds(low="2026-01-01"))), "column 'kept' arrived as integer"),
        (RowRule("r", Between("nano", Bounds(low="2026-01-01T00:00:00+00:00"))), "arrived as time without a zone"),
        (RowRule("r", Reads("double", How.PATTERN, ("a",))), "column 'double' arrived as fraction"),
        (RowRule("r", Total(("kept", "text"), 1)), "column 'text' arrived as text"),
        (RowRule("r", Ordered(("nano", "zoned"))), "types that cannot be compared"),
        (RowRule("r", Ordered(("raw", "raw"))), "types that cannot be compared"),
    ],
)
def test_a_rule_that_cannot_be_asked_of_what_arrived_holds_back_every_row_and_says_why(outputs, rule, why):
    found = split(TABLE, [rule], outputs)
    assert (found.good, found.quarantined, found.by_reason) == (0, 4, {"r": 4})
    assert why in found.unanswered["r"]
    assert pq.read_table(outputs.good).num_rows == 0
    assert pq.read_table(outputs.quarantine)["reasons"].to_pylist() == [["r"]] * 4


@pytest.mark.parametrize(
    "name", ["half", "big", "money", "wide", "kind", "raw", "nano", "zoned", "day", "clock", "flags", "nested"]
)
def test_a_missing_value_of_any_type_is_found(outputs, name):
    held = [i for i, value in enumerate(TABLE[name].to_pylist()) if value is None or value != value]
    found = split(TABLE.append_column("nth", pa.array(range(4))), [RowRule("there", Present(name))], outputs)
    assert pq.read_table(outputs.quarantine)["nth"].to_pylist() == held
    assert found.quarantined == len(held) > 0


def test_names_and_texts_of_the_users_are_never_read_as_sql(outputs):
    name, text = 'a"; DROP TABLE source; --', "'; DROP TABLE source; --"
    table = pa.table({name: [text, "b"], "row number": [0, 1], "select": [1, 2]})
    rules = [
        RowRule(text, Ordered(("select", "row number"))),
        RowRule("r", Between(name, Bounds(low=text, high=text))),
    ]
    assert split(table, rules, outputs).by_reason == {text: 0, "r": 1}


def test_files_of_a_batch_are_read_by_the_names_of_their_columns(batch, outputs):
    batch(pa.table({"kept": [1, 0], "a": [1.5, 2.5]}), "1.parquet")
    path = batch(pa.table({"b": ["x"], "kept": [2]}), "2.parquet")
    split(str(path.parent), [KEPT], outputs)
    assert pq.read_table(outputs.good).to_pydict() == {"kept": [1, 2], "a": [1.5, None], "b": [None, "x"]}
    batch(pa.table({"kept": [0.5]}), "3.parquet")
    with pytest.raises(WrongType, match="column 'kept' as different types"):
        split(str(path.parent), [KEPT], outputs)


def test_csv_files_are_read_too(tmp_path, outputs):
    (tmp_path / "batch.csv").write_text("kept,at\n1,2026-01-01\n0,\n")
    found = split(tmp_path / "batch.csv", [KEPT, RowRule("at", Present("at"))], outputs)
    assert (found.good, dict(found.by_reason)) == (1, {"kept": 1, "at": 1})


def test_a_frame_keeps_its_dtypes_and_its_index(outputs):
    frame = pd.DataFrame(
        {"kept": pd.array([1, None, 0], "Int64"), "c": pd.Categorical(["a", "b", "a"])}, index=["u", "v", "w"]
    )
    split(frame, [KEPT], outputs)
    pd.testing.assert_frame_equal(pd.read_parquet(outputs.good), frame.iloc[:2])


def test_a_column_of_many_types_is_refused_without_its_values(outputs):
    with pytest.raises(WrongType, match="values of several types") as told:
        split(pd.DataFrame({"kept": [1, 2], "x": [7, "secret"]}), [KEPT], outputs)
    assert "secret" not in str(told.value)
    assert told.value.__suppress_context__


def test_outputs_that_would_overwrite_the_batch_or_each_other_are_refused(batch, tmp_path):
    path = batch(numbers(3))
    with pytest.raises(SpecError, match="is a file of the batch itself"):
        split(str(path.parent / "*.parquet"), [KEPT], Outputs(tmp_path / "g.parquet", path))
    with pytest.raises(SpecError, match="name two files"):
        split(path, [KEPT], Outputs(tmp_path / "g.parquet", tmp_path / "in" / ".." / "g.parquet"))
    with pytest.raises(WrongType, match="'reasons' already"):
        split(pa.table({"kept": [1], "reasons": [2]}), [KEPT], Outputs(tmp_path / "g.parquet", tmp_path / "q.parquet"))
    with pytest.raises(NoSource, match="no file matches"):
        split(tmp_path / "nothing.parquet", [KEPT], Outputs(Path(tmp_path / "g.parquet"), tmp_path / "q.parquet"))


@pytest.mark.parametrize(
    ("source", "good"),
    [
        ("in", "in/good.parquet"),
        ("in/*.parquet", "in/good.parquet"),
        ("in/**/*.parquet", "in/parts/good.parquet"),
        ("**/day*.parquet", "out/day1-good.parquet"),
        ("link/*.parquet", "in/good.parquet"),
        ("texts", "texts/good.parquet"),
        ("texts", "texts/parts/good.parquet"),
    ],
)
def test_outputs_that_a_retry_would_read_are_refused_before_data_is(batch, tmp_path, monkeypatch, source, good):
    batch(numbers(3)).rename(tmp_path / "in" / "day0.parquet")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "day.csv").write_text("kept\n1\n")
    monkeypatch.chdir(tmp_path)
    for read in (source, str(tmp_path / source)):
        with pytest.raises(SpecError, match=r"would be at a retry: .* finds it; write it to a folder"):
            split(read, [KEPT], Outputs(tmp_path / good, tmp_path / "held.parquet"))
    assert not (tmp_path / good).exists()


@pytest.mark.parametrize(
    ("source", "good"),
    [
        ("in", "in/parts/good.parquet"),
        ("in/*.parquet", "in/parts/good.parquet"),
        ("in/day0.parquet", "in/good.parquet"),
        ("in/day?.parquet", "in/good.parquet"),
        ("in/**/*.parquet", "in/.parts/good.parquet"),
    ],
)
def test_outputs_beside_what_a_source_finds_are_taken_and_a_retry_reads_the_same(batch, tmp_path, source, good):
    batch(numbers(3)).rename(tmp_path / "in" / "day0.parquet")
    outputs = Outputs(tmp_path / good, tmp_path / "held.parquet")
    assert split(str(tmp_path / source), [KEPT], outputs) == split(str(tmp_path / source), [KEPT], outputs)


def test_an_empty_batch_leaves_two_empty_files(outputs):
    found = split(TABLE.slice(0, 0), [KEPT], outputs)
    assert (found.rows, found.by_reason) == (0, {"kept": 0})
    assert pq.read_table(outputs.good).schema.names == TABLE.column_names
    assert pq.read_table(outputs.quarantine).schema.names == [*TABLE.column_names, row_split.REASONS]


def test_ten_times_the_rows_take_no_more_memory(batch, outputs, monkeypatch):
    monkeypatch.setattr(row_batches, "BATCH_ROWS", 1000)
    monkeypatch.setattr(row_split, "GROUP_ROWS", 1000)

    def peak(n):
        path, held, start = batch(numbers(n)), [], pa.total_allocated_bytes()

        def looked(piece):
            held.append(pa.total_allocated_bytes() - start)
            return []

        split(path, [KEPT], outputs, looked)
        assert len(held) >= n / 1000
        return max(held)

    assert peak(200_000) < 2 * peak(20_000)


def test_a_value_that_python_cannot_hold_is_a_fault_of_the_batch_and_is_not_told(outputs):
    days = pa.table({"kept": [1], "day": pa.array([3_000_000 + 777], pa.int32()).cast(pa.date32())})
    with pytest.raises(WrongType, match="cannot be looked at") as told:
        split(days, [KEPT], outputs, lambda piece: piece.to_pylist() and [])
    assert told.value.__suppress_context__
    assert not outputs.good.exists()


@pytest.fixture
def usual(engine):
    """A rule on rows of x, its opposite y and a kind, and the reference that it is from."""
    random = np.random.default_rng(1)
    x = random.normal(size=4_000)
    frame = pd.DataFrame({"x": x, "y": 0.1 * random.normal(size=4_000) - x, "kind": np.where(x > 0, "a", "b")})
    columns = (Column("x"), Column("y"), Column("kind", Kind.CATEGORICAL))
    layout = engine.layout(Dataset("d", frame, columns, ""), EVER)
    profile = engine.profile(Dataset("d", frame, columns, ""), layout, EVER)
    bucket, _ = outlying.beyond(layout.ellipsoid, profile.traces.distances, 0.002)
    return RowRule("outlier", Usual(layout.ellipsoid, layout.binnings, bucket)), frame


@pytest.mark.parametrize("piece", [7, 10_000])
def test_combinations_that_the_reference_does_not_have_are_held_back_with_the_columns_that_tell(
    batch, outputs, usual, monkeypatch, piece
):
    monkeypatch.setattr(row_batches, "BATCH_ROWS", piece)
    rule, frame = usual
    rows = frame[:50].assign(nth=range(50))
    # Every value is ordinary: only x and y, or all three, do not go together.
    rows.loc[10:14, "y"] = rows.loc[10:14, "x"] + np.sign(rows.loc[10:14, "x"])
    rows.loc[20, "x":"kind"] = [1.5, 1.5, None]
    rows.loc[30, ["x", "y"]] = None
    found = split(batch(pa.Table.from_pandas(rows, preserve_index=False)), [KEPT_ALL, rule], outputs)
    good, held = pq.read_table(outputs.good).to_pandas(), pq.read_table(outputs.quarantine).to_pandas()
    assert sorted([*good["nth"], *held["nth"]]) == [*range(50)]
    assert held["nth"].tolist() == [10, 11, 12, 13, 14, 20]
    assert {tuple(why) for why in held["reasons"]} == {("outlier", "outlier:x+y")}
    assert found.by_reason == {"kept all": 0, "outlier": 6, "outlier:x+y": 6}


def test_about_the_share_asked_for_of_rows_like_the_reference_is_held_back(outputs, usual):
    rule, frame = usual
    assert 4 <= split(frame, [rule], outputs).quarantined <= 8


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.drop(columns="y"), "column 'y' is missing"),
        (lambda frame: frame.assign(y="1"), "column 'y' arrived as text"),
    ],
)
def test_without_a_column_of_the_reference_no_row_passes_for_usual(outputs, usual, change, told):
    rule, frame = usual
    found = split(change(frame[:5]), [rule], outputs)
    assert (found.good, found.by_reason) == (0, {"outlier": 5})
    assert told in found.unanswered["outlier"]


def test_codes_that_a_missing_one_made_float_are_the_categories_they_were(outputs, engine):
    random = np.random.default_rng(1)
    x = random.normal(size=4_000)
    frame = pd.DataFrame({"x": x, "y": 0.1 * random.normal(size=4_000) - x, "code": np.where(x > 0, 7, 8)})
    dataset = Dataset("d", frame, (Column("x"), Column("y"), Column("code", Kind.CATEGORICAL)), "")
    layout = engine.layout(dataset, EVER)
    bucket, _ = outlying.beyond(layout.ellipsoid, engine.profile(dataset, layout, EVER).traces.distances, 0.002)
    rule = RowRule("outlier", Usual(layout.ellipsoid, layout.binnings, bucket))
    whole, holed = (split(rows, [rule], outputs) for rows in (frame, frame.assign(code=frame["code"].where(x < 3))))
    assert holed.unanswered == whole.unanswered == {}
    assert abs(holed.quarantined - whole.quarantined) <= (x >= 3).sum() < 20
