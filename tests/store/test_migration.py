from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import UniqueConstraint, column, insert, inspect, select, table, update

from airflow_ml_monitor.errors import StoreError, StoreNotMigrated, StoreTooNew
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.store.repository import MetricsStore
from airflow_ml_monitor.store.tables import REVISION, VERSION_TABLE, metadata, monitor, scan
from airflow_ml_monitor.store.views import VIEWS


def test_an_empty_database_says_what_to_run_and_is_usable_after_it(empty_url: str) -> None:
    store = MetricsStore(empty_url)
    store._database.make_directory()
    with pytest.raises(StoreNotMigrated, match="db upgrade"):
        store.check()
    store.upgrade()
    store.check()
    assert store.current("default/churn") == []
    store.upgrade()
    store.check()
    store.dispose()


def test_the_message_names_the_very_database_where_its_url_is_from_and_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = MetricsStore("sqlite:///other.db", origin="of the connection 'ml_monitor_default'")
    # A relative path is of the folder that it was opened in, which another process does not share.
    url = f"sqlite:///{tmp_path}/other.db"
    with pytest.raises(StoreNotMigrated) as behind:
        asked.check()
    assert str(behind.value) == (
        f"the metrics database {url} (of the connection 'ml_monitor_default') has no tables of ours; "
        f"run `python -m airflow_ml_monitor db upgrade --url {url}`"
    )
    said = str(MetricsStore("postgresql://u:hunter2@db/m", origin="of the variable ML_MONITOR_STORE")._database)
    assert said == "the metrics database postgresql+psycopg2://u:***@db/m (of the variable ML_MONITOR_STORE)"


def test_several_workers_may_upgrade_at_once(empty_url: str, race: Callable[..., list[None]]) -> None:
    def run(_: int) -> None:
        store = MetricsStore(empty_url)
        store.upgrade()
        store.check()
        store.dispose()

    assert race(run, 3) == [None] * 3


def test_migrations_lead_to_exactly_the_tables_that_the_code_uses(store: MetricsStore) -> None:
    with store._database.connected() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True, "target_metadata": metadata}
        )
        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_that_the_code_expects(store: MetricsStore) -> None:
    from alembic.script import ScriptDirectory

    from airflow_ml_monitor.store.migration import _config

    assert ScriptDirectory.from_config(_config(None)).get_current_head() == REVISION


Fill = Callable[[MetricsStore, str], None]


@pytest.mark.parametrize("version", ["0001", "0003"])
def test_a_store_made_by_an_earlier_release_is_explained_migrated_and_keeps_every_row(
    empty_url: str, fill: Fill, tmp_path: Path, version: str
) -> None:
    newest, store = MetricsStore(f"sqlite:///{tmp_path}/newest.db"), MetricsStore(empty_url)
    newest.upgrade()
    fill(newest, "default/churn")
    _copied(newest, store, version)
    with pytest.raises(StoreNotMigrated, match=rf"is at version {version}, this release needs {REVISION}; run .*db"):
        store.check()
    store.upgrade()
    store.check()
    told = [
        (one.history("default/churn"), one.decisions("default/churn"), one.actions("default/churn"))
        for one in (newest, store)
    ]
    assert told[0][0].equals(told[1][0])
    assert told[1][0]["contract"].tolist() == ["56f58061d013f61a59fcae3d", ""]
    assert told[0][1:] == told[1][1:]
    assert store.claim_message(told[1][1][0].id, "chat", "run/tell")
    for one in (newest, store):
        one.dispose()


def _copied(newest: MetricsStore, store: MetricsStore, version: str) -> None:
    """What an earlier release would have stored: the rows of the tables and columns that it had."""
    from alembic import command

    from airflow_ml_monitor.store.migration import _config

    store._database.make_directory()
    with newest._database.reading() as source, store._database.connected() as target:
        command.upgrade(_config(target), version)
        there = inspect(target)
        for one in metadata.sorted_tables:
            if there.has_table(one.name):
                columns = [one.c[known["name"]] for known in there.get_columns(one.name)]
                rows = [dict(row._mapping) for row in source.execute(select(*columns))]
                if rows:
                    target.execute(insert(one), rows)


def test_of_profiles_that_were_stored_before_sightings_were_the_one_saved_last_is_what_a_window_held(
    empty_url: str,
) -> None:
    from alembic import command

    from airflow_ml_monitor.store.migration import _config

    store = MetricsStore(empty_url)
    store._database.make_directory()
    start, hour = datetime(2026, 3, 1, tzinfo=UTC), timedelta(hours=1)
    day = Window(start, start + 24 * hour)
    texts = {"dataset": "scores", "rule": "day@UTC", "layout_digest": "layout", "touched": 0}
    with store._database.connected() as connection:
        command.upgrade(_config(connection), "0003")
        known = connection.execute(monitor.insert().values(namespace="default", name="churn", touched=0)).lastrowid or 1
        for inputs, hours in (("a", 30), ("b", 40), ("c", 35)):
            saved = {"digest": inputs, "input_digest": inputs, "saved_at": start + hours * hour}
            span = {"window_start": day.start, "window_end": day.end}
            connection.execute(scan.insert().values(monitor_id=known, **texts, **span, **saved))
        connection.commit()
    store.upgrade()
    for as_of in (day.end, None):
        [seen] = store.profiles_seen("default/churn", "scores", "day@UTC", day, as_of)
        assert seen.input_digest == "b"
    assert store.profiles_seen("default/churn", "scores", "day@UTC", day, day.end - hour) == []
    store.dispose()


def test_a_message_is_claimed_by_one_task_until_it_is_sent(
    store: MetricsStore, fill: Callable[[MetricsStore, str], None]
) -> None:
    fill(store, "default/churn")
    name = store.decisions("default/churn")[0].id
    assert store.claim_message(name, "mail", "run/tell")
    assert not store.claim_message(name, "mail", "other run/tell")
    assert store.claim_message(name, "chat", "other run/tell")
    store.message_sent(name, "mail")
    assert not store.claim_message(name, "mail", "run/tell")


def test_a_database_of_a_newer_release_is_refused(store: MetricsStore) -> None:
    def at_version(version: str) -> None:
        with store._database.connected() as connection:
            connection.execute(update(table(VERSION_TABLE, column("version_num"))).values(version_num=version))

    at_version("9999")
    try:
        with pytest.raises(StoreTooNew, match="9999"):
            store.check()
        with pytest.raises(StoreTooNew, match="9999"):
            store.upgrade()
    finally:
        at_version(REVISION)
    store.check()


def test_every_view_can_be_read(store: MetricsStore) -> None:
    with store._database.reading() as connection:
        for name in VIEWS:
            assert connection.execute(select(column("monitor")).select_from(table(name))).all() == []


def test_no_part_of_a_key_may_be_null() -> None:
    for one in metadata.tables.values():
        keys = [one.primary_key, *(c for c in one.constraints if isinstance(c, UniqueConstraint))]
        for part in {part for key in keys for part in key.columns}:
            assert not part.nullable, str(part)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg2")
    store = MetricsStore("postgresql://me:secret@127.0.0.1:1/metrics")
    assert "secret" not in repr(store)
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/metrics") as raised:
        store.check()
    assert "secret" not in str(raised.value)
