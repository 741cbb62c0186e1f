"""The id of a connection → its database, outside Airflow, as Airflow reads the variable; its password stays in it."""

from __future__ import annotations

import json

import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.engines.databases.connections import from_environment

SECRET = "s3cret/+@"


@pytest.mark.parametrize(
    "text",
    [
        "postgres://me:s3cret%2F%2B%40@db:5433/scores?sslmode=require",
        "postgresql://me:s3cret%2F%2B%40@db:5433/scores?sslmode=require&unknown=1",
        json.dumps(
            {"conn_type": "postgres", "login": "me", "password": SECRET, "host": "db", "port": 5433, "schema": "scores",
             "extra": {"sslmode": "require"}}
        ),
        json.dumps(
            {"conn_type": "postgres", "login": "me", "password": SECRET, "host": "db", "port": "5433",
             "schema": "scores", "extra": json.dumps({"sslmode": "require"})}
        ),
    ],
)  # fmt: skip
def test_a_variable_describes_a_database_as_it_does_to_airflow(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_WAREHOUSE", text)
    url = from_environment("my_warehouse")
    assert url.drivername == "postgresql+psycopg2"
    assert (url.username, url.password, url.host, url.port) == ("me", SECRET, "db", 5433)
    assert (url.database, dict(url.query)) == ("scores", {"sslmode": "require"})


@pytest.mark.parametrize(
    ("text", "driver", "database"),
    [
        ("mysql://me:s3cret%2F%2B%40@db:3307/scores?charset=latin1", "mysql+pymysql", "scores"),
        ('{"conn_type": "mysql", "login": "me", "password": "s3cret/+@", "host": "db", "port": 3307, "schema": "s"}',
         "mysql+pymysql", "s"),
        ("sqlite:////data/scores.db", "sqlite", "/data/scores.db"),
        ('{"conn_type": "sqlite", "host": "/data/scores.db"}', "sqlite", "/data/scores.db"),
    ],
)  # fmt: skip
def test_mariadb_and_a_file_of_sqlite_are_described_too(
    text: str, driver: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_W", text)
    url = from_environment("w")
    assert (url.drivername, url.database, dict(url.query)) == (driver, database, {})
    if driver != "sqlite":
        assert (url.username, url.password, url.host, url.port) == ("me", SECRET, "db", 3307)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "set the variable AIRFLOW_CONN_W"),
        ("s3cret", "neither a URI nor JSON"),
        ("postgres://me:s3cret@db:port/scores", "neither a URI nor JSON"),
        ('{"password": "s3cret"', "neither a URI nor JSON"),
        ('{"password": "s3cret"}', "neither a URI nor JSON"),
        ("snowflake://me:s3cret@db/scores", "is of type 'snowflake'"),
    ],
)
def test_what_describes_none_is_refused_with_the_remedy_and_unquoted(
    text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_W", text)
    with pytest.raises(SpecError, match=words) as caught:
        from_environment("w")
    assert "s3cret" not in str(caught.value)


def test_a_warehouse_has_its_url_in_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    host = "snowflake://me@account/sales/public?warehouse=small"
    monkeypatch.setenv("AIRFLOW_CONN_W", json.dumps({"conn_type": "generic", "host": host, "password": SECRET}))
    url = from_environment("w")
    assert (url.drivername, url.username, url.password, url.host) == ("snowflake", "me", SECRET, "account")
    assert (url.database, dict(url.query)) == ("sales/public", {"warehouse": "small"})
    monkeypatch.setenv("AIRFLOW_CONN_W", json.dumps({"conn_type": "generic", "host": f"://{SECRET}", "password": "x"}))
    with pytest.raises(SpecError, match="the host of AIRFLOW_CONN_W is no SQLAlchemy URL") as raised:
        from_environment("w")
    assert SECRET not in str(raised.value)
