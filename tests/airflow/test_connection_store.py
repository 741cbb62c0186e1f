"""An Airflow connection → an object store: by the provider that knows the scheme, else by what the connection says."""

import json

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_ml_monitor.airflow_compat import AirflowNotFoundException
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.hooks.connection_store import store_of

pytestmark = pytest.mark.airflow_min


def test_a_connection_reads_its_store(object_store, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", object_store.connection)
    with object_store.files.open_output_stream("lake/hook/x.csv") as out:
        out.write(b"a\n1\n")
    store = store_of("s3://lake/hook", "lake")
    assert store.find("s3://lake/hook") == ["lake/hook/x.csv"]
    assert store.cat_file("lake/hook/x.csv", 2, 4) == b"1\n"


def test_a_scheme_that_airflow_knows_is_read_as_airflow_reads_it(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_DISK", json.dumps({"conn_type": "fs"}))
    assert isinstance(store_of("file:///data", "disk"), LocalFileSystem)


def test_without_a_connection_the_machine_says_who_it_is(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert store_of("s3://lake/x", "").fs.region == "eu-north-1"


def test_a_connection_that_is_not_there_is_airflows_own_error():
    with pytest.raises(AirflowNotFoundException, match="nobody"):
        store_of("s3://lake/x", "nobody")


def test_what_the_store_does_not_understand_is_refused(monkeypatch):
    extra = {"role_arn": "arn:hunter2", "region_name": "r"}
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps({"conn_type": "aws", "login": "k", "extra": extra}))
    with pytest.raises(SpecError, match="has 'role_arn', which only the provider follows") as raised:
        store_of("s3://lake/x", "lake")
    assert "hunter2" not in str(raised.value)
