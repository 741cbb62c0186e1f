"""Files elsewhere give what the same files give here; what is needed of them is read, once, and no secret is told."""

from __future__ import annotations

import io
import os
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_ml_monitor.errors import NoSource, ScanError, SpecError
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded import duckdb_opening, files
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.embedded.file import File
from airflow_ml_monitor.profile.engines.embedded.held import Held
from airflow_ml_monitor.profile.engines.embedded.located import located
from airflow_ml_monitor.profile.engines.embedded.row_batches import batches
from airflow_ml_monitor.profile.engines.embedded.sample import samples
from airflow_ml_monitor.profile.engines.opening import declared
from airflow_ml_monitor.profile.file_source import Files
from airflow_ml_monitor.profile.queries import query

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 60_000
COLUMNS = (Column("x"), Column("y"), Column("c", Kind.CATEGORICAL))
GROUP = 10_000


def table(day: int, rows: int = ROWS) -> pa.Table:
    random = np.random.default_rng(day)
    at = (START.timestamp() + day * 86_400 + np.arange(rows) * 86_400 / rows) * 1e6
    return pa.table({
        "at": pa.array(at.astype("int64"), pa.timestamp("us", "UTC")),
        "x": random.normal(size=rows), "y": random.exponential(size=rows), "z": random.normal(size=rows),
        "c": random.choice(["a", "b", "c"], rows),
    })  # fmt: skip


def day(number: int) -> Window:
    return Window(START + timedelta(days=number), START + timedelta(days=number + 1))


class Counting(MemoryFileSystem):  # type: ignore[misc]
    """A store that remembers what was read of it."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.store, self.pseudo_dirs = {}, [""]
        self.read: list[tuple[str, int, int]] = []
        self.fails: Exception | None = None

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        if self.fails:
            raise self.fails
        found: bytes = super().cat_file(path, start, end)
        self.read.append((path, start or 0, len(found)))
        return found

    def glob(self, path: str, **more: Any) -> Any:
        if self.fails:
            raise self.fails
        return super().glob(path, **more)

    def put_all(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                self.pipe_file(f"/lake/{path.relative_to(folder)}", path.read_bytes())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of Parquet in folders of their day, as CSV beside each other, and what is no file of theirs."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "csv").mkdir()
    for number in range(3):
        place = folder / "scores" / f"day={number}"
        place.mkdir(parents=True)
        pq.write_table(table(number), place / "part[0].parquet", row_group_size=GROUP)
        pacsv.write_csv(table(number, 2000), folder / "csv" / f"{number}.csv")
    (folder / "scores" / "_SUCCESS").write_text("")
    (folder / "scores" / ".hidden.parquet").write_text("none")
    return folder


@pytest.fixture
def there(here: Path) -> Counting:
    store = Counting()
    store.put_all(here)
    return store


@pytest.fixture
def engine(there: Counting) -> DuckDB:
    return DuckDB(stores=lambda url, connection: there)


def dataset(source: Any, columns: tuple[Column, ...] = COLUMNS) -> Dataset:
    return Dataset("scores", source, columns, "at")


SOURCES = ["scores", "scores/*/*.parquet", "scores/**/*.parquet", "scores/day=1/part[[]0].parquet", "csv", "csv/1.csv"]


@pytest.mark.parametrize("source", SOURCES)
def test_files_elsewhere_are_found_and_cut_as_the_same_files_here(source: str, here: Path, engine: DuckDB) -> None:
    local, remote = dataset(str(here / source)), dataset(f"memory://lake/{source}")
    layout = engine.layout(local, EVER)
    assert layout.digest == engine.layout(remote, EVER).digest
    for window in (day(1), EVER):
        found, expected = (engine.profile(one, layout, window) for one in (remote, local))
        assert (found.rows, found.faults) == (expected.rows, expected.faults)
        assert found.rows[WHOLE] > 0
        for key, cells in expected.cells.items():
            np.testing.assert_array_equal(found.cells[key].bucket, cells.bucket)
            np.testing.assert_array_equal(found.cells[key].count, cells.count)
            np.testing.assert_allclose(found.cells[key].d1, cells.d1, rtol=1e-9, atol=1e-9)


def test_the_folder_that_a_file_lies_in_may_name_its_partition_elsewhere_too(here: Path, engine: DuckDB) -> None:
    columns = (Column("day", Kind.CATEGORICAL),)
    seen = [engine.preview(dataset(s, columns)) for s in (str(here / "scores"), "memory://lake/scores")]
    assert seen[0].types == seen[1].types == {"day": "BIGINT", "at": "TIMESTAMP WITH TIME ZONE"}


def test_of_a_window_its_own_files_alone_are_read_and_of_them_the_columns_that_are_declared_once(
    engine: DuckDB, there: Counting, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a file this small all columns would be read by one statement.
    monkeypatch.setattr(duckdb_opening, "SMALL_BYTES", 0)
    remote = dataset("memory://lake/scores", (Column("x"), Column("y")))
    layout = engine.layout(remote, day(1))
    there.read.clear()
    assert engine.profile(remote, layout, day(1)).rows == {WHOLE: ROWS}
    footers = pq.read_metadata(here / "scores" / "day=1" / "part[0].parquet")
    groups = [footers.row_group(i) for i in range(footers.num_row_groups)]
    needed = sum(group.column(i).total_compressed_size for group in groups for i in range(3))
    assert {path for path, _, _ in there.read} == {"/lake/scores/day=1/part[0].parquet"}
    # Beside the columns, the end of the file with its footer.
    assert needed <= sum(size for _, _, size in there.read) <= needed + 2**18
    ranges = sorted((start, start + size) for _, start, size in there.read)
    assert len(set(ranges)) == len(ranges) > footers.num_row_groups
    # By chunks, not by pages: each is a request.
    assert len(ranges) <= 3 * footers.num_row_groups + 4


def test_names_follow_the_bytes_and_a_file_that_is_written_anew_has_another(engine: DuckDB, there: Counting) -> None:
    remote = dataset("memory://lake/csv/*.csv")
    before = engine.fingerprints(remote, [EVER])
    assert engine.fingerprints(remote, [EVER]) == before
    there.pipe_file("/lake/csv/1.csv", there.cat_file("/lake/csv/1.csv"))
    assert engine.fingerprints(remote, [EVER]) != before


def test_a_window_keeps_its_name_when_another_days_file_changes(engine: DuckDB, there: Counting) -> None:
    remote = dataset("memory://lake/scores")
    before = engine.fingerprints(remote, [day(0), day(1)])
    path = "/lake/scores/day=1/part[0].parquet"
    there.pipe_file(path, there.cat_file(path))
    after = engine.fingerprints(remote, [day(0), day(1)])
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_a_file_that_changes_while_it_is_read_ends_the_scan(engine: DuckDB, there: Counting) -> None:
    remote = dataset("memory://lake/csv")
    layout = engine.layout(remote, EVER)
    whole = there.cat_file

    def swapped(path: str, **more: Any) -> bytes:
        found: bytes = whole(path, **more)
        there.pipe_file(path, found)
        return found

    there.cat_file = swapped  # type: ignore[method-assign]
    with pytest.raises(ScanError, match="scores changed while being read"):
        engine.profile(remote, layout, EVER)


@pytest.mark.parametrize("when", ["listed", "read"])
def test_a_store_that_does_not_answer_fails_the_task_and_what_it_says_is_not_repeated(
    when: str, engine: DuckDB, there: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    remote = dataset("memory://lake/scores/*/*.parquet" if when == "listed" else "memory://lake/csv/1.csv")
    layout = engine.layout(remote, EVER)
    there.fails = PermissionError("AWS_SECRET=hunter2")
    with pytest.raises(ScanError, match=r"cannot be read: PermissionError; does the store answer") as raised:
        engine.profile(remote, layout, EVER)
    assert "hunter2" not in repr(raised.value) + caplog.text
    assert raised.value.__cause__ is None


def test_nothing_there_is_no_source_and_no_error(engine: DuckDB) -> None:
    nowhere = dataset("memory://lake/none/*.parquet")
    assert engine.profile(nowhere, engine.layout(dataset("memory://lake/csv"), EVER), EVER).faults == {
        "": "no file matches the source of 'scores'"
    }
    assert files.files_of("memory://nothing/here.parquet") == ()


def test_a_batch_and_a_first_look_read_files_elsewhere_too(here: Path) -> None:
    memory = MemoryFileSystem()
    memory.pipe_file("/first/look/1.parquet", (here / "scores/day=1/part[0].parquet").read_bytes())
    memory.pipe_file("/first/csv/1.csv", (here / "csv/1.csv").read_bytes())
    try:
        for source, rows in (("memory://first/look", ROWS), ("memory://first/csv/*.csv", 2000)):
            with batches(source) as found:
                assert sum(piece.num_rows for piece in found.pieces) == rows
            with samples(reference=source) as opened:
                seen = opened["reference"]
                assert (seen.rows, seen.source, set(seen.types)) == (rows, source, {"at", "x", "y", "z", "c"})
    finally:
        memory.rm("/first", recursive=True)


class Slow(Counting):
    """Gives way to other threads wherever it reads."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **more: Any) -> bytes:
        os.sched_yield()
        return super().cat_file(path, start, end, **more)


def test_threads_that_read_one_file_each_get_their_own_bytes(here: Path) -> None:
    """What is read by many threads, in any order, twice, is the file; DuckDB moves and reads in two calls."""
    from concurrent.futures import ThreadPoolExecutor

    import duckdb

    store = Slow()
    path = here / "scores" / "day=0" / "part[0].parquet"
    content = path.read_bytes()
    store.pipe_file("/f.parquet", content)
    with duckdb.connect() as connection:
        held = Held(connection)
        [name] = held.names([File("memory:///f.parquet", len(content), 1, place="/f.parquet", store=store)])
        handle, random = held.open(name), np.random.default_rng(0)

        def read(start: int) -> bool:
            handle.seek(start)
            return handle.read(5000) == content[start : start + 5000]

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(read, map(int, random.integers(0, len(content), 2000))))
        # Read on from where it stands, whichever thread does.
        handle.seek(10)
        with ThreadPoolExecutor(1) as pool:
            assert handle.read(5) + pool.submit(handle.read, 5).result() == content[10:20]
        held.close()


def _unnamed() -> set[str]:
    """Files without a name that this process has open."""
    found = (Path("/proc/self/fd") / one for one in os.listdir("/proc/self/fd"))
    return {os.readlink(one) for one in found if one.is_symlink() and "(deleted)" in os.readlink(one)}


def test_what_was_kept_of_files_is_forgotten_with_the_scan(engine: DuckDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_opening, "SMALL_BYTES", 0)
    remote, before = dataset("memory://lake/scores"), _unnamed()
    with engine._opened(source=declared(remote, day(1))) as scan:
        assert scan.rows(query.totals, "", (), "")[0][0] == ROWS
        assert len(_unnamed()) == len(before) + 1
    assert _unnamed() == before
    assert engine._database().list_filesystems() == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"path": ""}, "source.path: is no path"),
        ({"path": "s3://key:hunter2@lake/x"}, "source.path: holds a password"),
        ({"path": "s3://lake/x", "connection": "aws://key:hunter2@"}, "source.connection: is no id"),
        ({"path": "s3://lake/x", "format": "hudi"}, "unknown format 'hudi'"),
        ({"path": "s3://lake/x", "version": 3}, "source.version: 3 cannot be"),
    ],
)
def test_wrong_files_are_refused_before_anything_is_read_without_their_secrets(
    wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(SpecError, match=words) as raised:
        Files(**wrong)
    assert "hunter2" not in str(raised.value)


def test_a_password_in_a_plain_path_and_an_unknown_scheme_are_refused() -> None:
    with pytest.raises(SpecError, match="holds a password") as raised:
        located("s3://key:hunter2@lake/x")
    assert "hunter2" not in str(raised.value)
    with pytest.raises(
        SpecError, match=r"source.connection: nope:// gives no access to a store of nope://: ValueError"
    ):
        files.files_of("nope://lake/x")
    with pytest.raises(NoSource, match="no file matches"), samples(reference="memory://nothing/here"):
        pytest.fail("it is not there")


def test_more_files_than_a_process_may_open_are_read(
    engine: DuckDB, there: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_opening, "SMALL_BYTES", 0)
    content = io.BytesIO()
    pq.write_table(table(1, 4), content)
    for number in range(300):
        there.pipe_file(f"/lake/many/{number}.parquet", content.getvalue())
    many = dataset("memory://lake/many")
    layout, most = engine.layout(many, EVER), resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 100, most[1]))
    try:
        assert engine.profile(many, layout, EVER).rows == {WHOLE: 1200}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
