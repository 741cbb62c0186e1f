"""Tables of MariaDB: types that only it has, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_ml_monitor.errors import NoSource, ScanError, SpecError
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.dataset import Kind, Replay
from airflow_ml_monitor.profile.engines.databases.sql import SQL
from airflow_ml_monitor.profile.layout import NULL
from airflow_ml_monitor.profile.table import Table

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def there(empty_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SQL, Callable[..., None]]]:
    """The engine, and what runs statements in its database."""
    with empty_database("mariadb", tmp_path_factory.mktemp("mariadb")) as url:
        engine = sa.create_engine(url)

        def run(*texts: str) -> None:
            with engine.begin() as connection:
                for text in texts:
                    connection.exec_driver_sql(text.replace("%", "%%"))

        yield SQL(lambda _connection: sa.make_url(url)), run
        engine.dispose()


def test_types_that_only_the_database_has_are_read_as_what_they_are(there: Any, oracle: ModuleType) -> None:
    engine, run = there
    run(
        "SET sql_mode = ''",
        "CREATE TABLE odd (at timestamp(6), padded char(8), feeling enum('good', 'bad'), id uuid, latin varchar(9) "
        "CHARACTER SET latin1, small tinyint unsigned, code double, flag boolean, level tinyint(1), born date, y year, "
        "`share` decimal(5,2))",
        "INSERT INTO odd SELECT '2026-03-01 10:00:00', IF(seq % 2, 'odd', 'even'), IF(seq % 2, 'bad', 'good'), "
        "CONCAT('00000000-0000-0000-0000-00000000000', seq % 2), IF(seq % 2, 'é', 'É'), seq, seq % 3, seq % 2, "
        "seq % 5, IF(seq < 4, '0000-00-00', '1999-12-31'), 2000 + seq, seq FROM seq_1_to_60",
    )
    kinds = dict.fromkeys(("padded", "feeling", "id", "latin", "code", "flag"), Kind.CATEGORICAL)
    kinds |= {**dict.fromkeys(("small", "level", "y", "share"), Kind.NUMERIC), "born": Kind.DATETIME}
    dataset = oracle.dataset(Table("w", "odd"), kinds, slice_by=("latin",))
    layout = engine.layout(dataset, EVER)
    named = {name: layout[name].categories for name in kinds if kinds[name] is Kind.CATEGORICAL}
    ids = tuple(f"00000000-0000-0000-0000-00000000000{i}" for i in (0, 1))
    assert named == {
        "padded": ("even", "odd"), "feeling": ("bad", "good"), "id": ids, "latin": ("É", "é"),
        "code": ("0", "1", "2"), "flag": ("false", "true"),
    }  # fmt: skip
    assert layout["level"].values == (0.0, 1.0, 2.0, 3.0, 4.0)
    profile = engine.profile(dataset, layout, oracle.DAY)
    assert profile.faults == {}
    # A day that is on no calendar is none.
    assert profile.cells[WHOLE, "born"].at(NULL) == 3
    # Below its centre, and unsigned.
    assert profile.cells[WHOLE, "small"].d1[0] < 0
    types = dict(profile.traces.columns)
    assert [types[n] for n in ("at", "small", "share")] == ["TIMESTAMP WITH TIME ZONE", "UTINYINT", "DECIMAL(5,2)"]


def test_a_clock_that_the_server_does_not_know_is_refused_and_one_that_it_knows_is_read(
    there: Any, oracle: ModuleType
) -> None:
    engine, run = there
    run(
        "CREATE TABLE naive (id bigint, at datetime, t datetime)",
        "CREATE TABLE aware (id bigint, t timestamp NULL)",
        "INSERT INTO naive VALUES (1, '2026-03-01 19:00:00', '2026-03-01 09:00:00')",
        "SET time_zone = '+00:00'",
        "INSERT INTO aware VALUES (1, '2026-03-01 00:00:00')",
    )
    replay = Replay(Table("w", "aware"))
    dataset = oracle.dataset(
        Table("w", "naive"), {"t": Kind.DATETIME}, zone="Asia/Tokyo", entity_key=("id",), replay=replay
    )
    with engine._snapshot("w") as (connection, _):
        is_known = connection.scalar(sa.text("SELECT CONVERT_TZ('2026-01-01', 'Asia/Tokyo', '+00:00')")) is not None
    if is_known:
        assert dict(engine.skew(dataset, oracle.DAY).differing) == {"t": 0}
    else:
        with pytest.raises(SpecError, match="the server does not know 'Asia/Tokyo'"):
            engine.skew(dataset, oracle.DAY)


def test_a_table_without_a_snapshot_is_refused_with_the_remedy(there: Any, oracle: ModuleType) -> None:
    engine, run = there
    run("CREATE TABLE moving (at datetime, x double) ENGINE = MyISAM")
    with pytest.raises(ScanError, match="kept by MyISAM, whose rows change while they are read; convert it to InnoDB"):
        engine.layout(oracle.dataset(Table("w", "moving"), {"x": Kind.NUMERIC}), EVER)


def test_a_product_out_of_range_is_infinite_and_a_sum_is_not_nothing(there: Any, oracle: ModuleType) -> None:
    engine, run = there
    run(
        "CREATE TABLE wild (at datetime, x double)",
        "INSERT INTO wild VALUES ('2026-03-01 10:00:00', 1e308), ('2026-03-01 10:00:00', 1e308), "
        "('2026-03-01 10:00:00', 1), ('2026-03-01 10:00:00', 3)",
        "INSERT INTO wild SELECT '2026-03-01 10:00:00', seq FROM seq_1_to_30",
    )
    dataset = oracle.dataset(Table("w", "wild"), {"x": Kind.NUMERIC})
    cells = engine.profile(dataset, engine.layout(dataset, EVER), oracle.DAY).cells[WHOLE, "x"]
    assert (cells.d1.max(), cells.d2.max(), cells.high.max()) == (float("inf"), float("inf"), 1e308)


def test_a_schema_is_a_database_of_the_server(there: Any, oracle: ModuleType) -> None:
    engine, run = there
    run("CREATE TABLE mine (at datetime, x double)")
    schema = engine._resolve("w").database
    assert engine.preview(oracle.dataset(Table("w", f"{schema}.mine"), {"x": Kind.NUMERIC})).faults == {}
    with pytest.raises(NoSource, match=r"there is no table nowhere\.mine of connection 'w'"):
        engine.layout(oracle.dataset(Table("w", "nowhere.mine"), {"x": Kind.NUMERIC}), EVER)
