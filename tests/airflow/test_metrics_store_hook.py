"""The hook opens the store that a connection describes, keeps its password quiet, and refuses a store per worker."""

import pytest

from airflow_ml_monitor.__main__ import main
from airflow_ml_monitor.airflow_compat import DAG, AirflowNotFoundException, BaseOperator
from airflow_ml_monitor.errors import SpecError, StoreError, StoreNotMigrated
from airflow_ml_monitor.hooks.connection_url import url_of
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook


def connection(**fields):
    from airflow.sdk import Connection

    return Connection(conn_id="ml_monitor_default", **fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"conn_type": "ml_monitor", "host": "sqlite:////data/m.db"}, "sqlite:////data/m.db"),
        ({"conn_type": "generic", "host": "postgresql+psycopg2://u:p@db/m"}, "postgresql+psycopg2://u:p@db/m"),
        (
            {"conn_type": "ml_monitor", "host": "postgresql+psycopg2://db/m", "login": "u", "password": "p"},
            "postgresql+psycopg2://u:p@db/m",
        ),
        (
            {"conn_type": "ml_monitor", "host": "db", "port": 5432, "login": "u", "password": "p@:/", "schema": "m"},
            "postgresql+psycopg2://u:p%40%3A%2F@db:5432/m",
        ),
        ({"conn_type": "mysql", "host": "db", "login": "u", "schema": "m"}, "mysql+pymysql://u@db/m"),
        (
            {"conn_type": "generic", "host": "db", "schema": "m", "extra": '{"driver": "mysql+pymysql"}'},
            "mysql+pymysql://db/m",
        ),
        (
            {"conn_type": "postgres", "host": "db", "schema": "m", "extra": '{"sslmode": "require", "cursor": "x"}'},
            "postgresql+psycopg2://db/m?sslmode=require",
        ),
        ({"conn_type": "sqlite", "host": "/data/m.db"}, "sqlite:////data/m.db"),
    ],
)
def test_a_connection_becomes_the_url_that_it_describes(fields, expected):
    assert url_of(connection(**fields)).render_as_string(hide_password=False) == expected


def test_a_connection_that_describes_no_database_is_refused():
    with pytest.raises(SpecError, match="connections of type 'ftp' are not known"):
        url_of(connection(conn_type="ftp", host="files"))
    with pytest.raises(SpecError, match="the host is empty"):
        url_of(connection(conn_type="postgres"))


def test_a_url_that_cannot_be_read_is_not_quoted():
    with pytest.raises(SpecError) as refused:
        url_of(connection(conn_type="ml_monitor", host="postgresql://u:hidden@db:port/m"))
    assert "hidden" not in str(refused.value)


def test_a_password_inside_the_url_is_masked_in_what_airflow_logs():
    from airflow.sdk.log import redact

    url_of(connection(conn_type="ml_monitor", host="postgresql+psycopg2://u:hunter2hunter2@db/m"))
    assert "hunter2hunter2" not in str(redact("cannot reach postgresql://u:hunter2hunter2@db/m"))


class Store(BaseOperator):
    """Opens the store; pushes whether the connection's test passed, and what it said."""

    def __init__(self, *, conn_id=MetricsStoreHook.default_conn_name, **rest):
        super().__init__(**rest)
        self.conn_id = conn_id

    def execute(self, context):
        hook = MetricsStoreHook(self.conn_id)
        hook.store.check()
        hook.store.dispose()
        return list(MetricsStoreHook(self.conn_id).test_connection())


@pytest.fixture
def open_store(run_task):
    def run(**given):
        with DAG("d", schedule=None):
            task = Store(task_id="store", **given.pop("task", {}))
        result, api = run_task(task, **given)
        if result.error is not None:
            raise result.error
        return api.pushed[("store", "return_value")]

    return run


def test_without_a_connection_a_local_file_is_made_and_migrated(open_store, monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW__ML_MONITOR__SQLITE_FILE", str(tmp_path / "made.db"))
    passed, said = open_store()
    assert passed
    assert "made.db" in said
    assert (tmp_path / "made.db").exists()


def test_without_a_connection_the_variable_names_the_store_as_it_does_on_the_command_line(
    open_store, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("AIRFLOW__ML_MONITOR__SQLITE_FILE", str(tmp_path / "made.db"))
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("ML_MONITOR_STORE", f"sqlite:///{tmp_path}/named.db")
    with pytest.raises(StoreNotMigrated, match=r"named.db \(of the variable ML_MONITOR_STORE\) has no tables"):
        open_store()
    capsys.readouterr()
    assert main(["db", "upgrade"]) == 0
    assert open_store() == [True, capsys.readouterr().out.strip()]
    assert not (tmp_path / "made.db").exists()
    fields = {"conn_type": "ml_monitor", "host": f"sqlite:///{tmp_path}/other.db", "extra": '{"create_tables": true}'}
    assert "other.db" in open_store(connections={"ml_monitor_default": fields})[1]


def test_a_password_in_the_variable_is_masked_in_what_airflow_logs_and_in_what_is_wrong_with_it(monkeypatch):
    from airflow.sdk.log import redact

    monkeypatch.setenv("ML_MONITOR_STORE", "postgresql://u:hunter3hunter3@127.0.0.1:1/m")
    with pytest.raises(StoreError, match=r"\(of the variable ML_MONITOR_STORE\) refused") as refused:
        MetricsStoreHook().store  # noqa: B018
    assert "hunter3" not in str(refused.value) + str(redact("cannot reach u:hunter3hunter3@db"))
    monkeypatch.setenv("ML_MONITOR_STORE", "postgresql://u:hunter4@db:port/m")
    with pytest.raises(SpecError, match="metrics database URL of the variable ML_MONITOR_STORE: cannot be read") as odd:
        MetricsStoreHook().store  # noqa: B018
    assert "hunter4" not in str(odd.value)


def test_a_local_file_is_refused_where_workers_are_elsewhere(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    with pytest.raises(StoreError, match="with CeleryExecutor the default, an SQLite file, would be another one"):
        MetricsStoreHook().store  # noqa: B018


def test_a_task_run_in_process_may_use_the_local_file_under_any_executor(open_store, monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__ML_MONITOR__SQLITE_FILE", str(tmp_path / "made.db"))
    assert open_store()[0]


def test_a_missing_connection_of_another_name_is_not_replaced(open_store):
    with pytest.raises(AirflowNotFoundException):
        open_store(task={"conn_id": "elsewhere"})


def test_tables_are_made_only_where_the_connection_says_so(open_store, tmp_path):
    fields = {"conn_type": "ml_monitor", "host": f"sqlite:///{tmp_path}/m.db"}
    with pytest.raises(StoreNotMigrated, match=r"/m.db \(of the connection 'ml_monitor_default'\) has no tables"):
        open_store(connections={"ml_monitor_default": fields})
    asked = {**fields, "extra": '{"create_tables": true}'}
    assert open_store(connections={"ml_monitor_default": asked})[0]
    assert open_store(connections={"ml_monitor_default": fields})[0]


def test_the_connection_test_says_what_is_wrong_instead_of_raising(monkeypatch, tmp_path):
    monkeypatch.setenv(
        "AIRFLOW_CONN_ML_MONITOR_DEFAULT", f'{{"conn_type": "ml_monitor", "host": "sqlite:///{tmp_path}/m.db"}}'
    )
    passed, said = MetricsStoreHook().test_connection()
    assert not passed
    assert "upgrade" in said
