"""The id of a connection → an object store, outside Airflow as in it; what it holds is never told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pyarrow import fs

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.engines.embedded.store_connections import access_of, from_environment
from airflow_ml_monitor.profile.engines.embedded.stores import Access, filesystem

SECRET = "hunter2/+@"


@pytest.mark.parametrize(
    "text",
    [
        "aws://AKIA:hunter2%2F%2B%40@/?region_name=eu-west-1&endpoint_url=http%3A%2F%2Fminio%3A9000",
        'aws://AKIA:hunter2%2F%2B%40@/?__extra__={"region_name": "eu-west-1", "endpoint_url": "http://minio:9000"}',
        json.dumps({"conn_type": "aws", "login": "AKIA", "password": SECRET,
                    "extra": {"region_name": "eu-west-1", "endpoint_url": "http://minio:9000"}}),
        json.dumps({"conn_type": "aws", "login": "AKIA", "password": SECRET,
                    "extra": json.dumps({"region_name": "eu-west-1", "endpoint_url": "http://minio:9000"})}),
    ],
)  # fmt: skip
def test_a_variable_describes_a_store_as_it_does_to_airflow(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_LAKE", text)
    access = access_of("my_lake")
    assert (access.login, access.password) == ("AKIA", SECRET)
    assert dict(access.extra) == {"region_name": "eu-west-1", "endpoint_url": "http://minio:9000"}
    assert SECRET not in repr(access)
    assert from_environment("s3://lake/scores", "my_lake").fs == fs.S3FileSystem(
        access_key="AKIA", secret_key=SECRET, region="eu-west-1", scheme="http", endpoint_override="minio:9000"
    )


@pytest.mark.parametrize(
    ("url", "said", "expected"),
    [
        ("s3://b/x", {"extra": {"region_name": "r", "anon": True}}, fs.S3FileSystem(anonymous=True, region="r")),
        ("s3a://b/x", {"extra": {"aws_access_key_id": "k", "aws_secret_access_key": "s", "aws_session_token": "t",
                                 "region_name": "r"}},
         fs.S3FileSystem(access_key="k", secret_key="s", session_token="t", region="r")),
        ("s3://b/x", {"extra": {"region_name": "r", "service_config": {"s3": {"endpoint_url": "https://m:1"}}}},
         fs.S3FileSystem(region="r", scheme="https", endpoint_override="m:1")),
        ("gs://b/x", {"extra": {"anonymous": True}}, fs.GcsFileSystem(anonymous=True)),
        ("abfs://c@acc.dfs.core.windows.net/x", {"login": "acc", "password": "a2V5"},
         fs.AzureFileSystem("acc", account_key="a2V5")),
        ("abfss://c/x", {"login": "acc", "extra": {"sas_token": "sv=1"}}, fs.AzureFileSystem("acc", sas_token="sv=1")),
        ("az://c@acc/x", {"login": "id", "password": "s", "extra": {"tenant_id": "t"}},
         fs.AzureFileSystem("acc", tenant_id="t", client_id="id", client_secret="s")),
    ],
)  # fmt: skip
def test_what_a_connection_says_reaches_the_store(url: str, said: dict[str, Any], expected: Any) -> None:
    assert filesystem(url, Access("lake", **said)).fs == expected


def test_a_container_of_an_account_and_a_bucket_are_the_first_part_of_a_path() -> None:
    store = filesystem("abfs://c@acc/x", Access(password="a2V5"))
    assert store._strip_protocol("abfs://c@acc.dfs.core.windows.net/a/b*/") == "c/a/b*"
    assert store._strip_protocol("s3://lake/a b/c") == "lake/a b/c"


@pytest.mark.parametrize(
    ("url", "said", "words"),
    [
        ("s3://b/x", {"login": "k", "extra": {"role_arn": "arn:hunter2"}}, "has 'role_arn', which only the provider"),
        ("s3://b/x", {"extra": {"profile_name": "hunter2"}}, "pip install 'apache-airflow-providers-amazon"),
        ("gs://b/x", {"extra": {"impersonation_chain": "hunter2"}}, "pip install 'apache-airflow-providers-google"),
        ("gs://b/x", {"extra": {"keyfile_dict": "hunter2"}}, "gs:// cannot be read here: Please install gcsfs"),
        ("abfs://c/x", {"extra": {"connection_string": "hunter2"}}, "providers-microsoft-azure"),
        ("abfs://c/x", {}, "source.path: names no account"),
    ],
)
def test_what_is_not_understood_is_refused_and_what_it_holds_is_not_told(
    url: str, said: dict[str, Any], words: str
) -> None:
    with pytest.raises(SpecError) as raised:
        filesystem(url, Access("lake", **said))
    assert words in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "set the variable AIRFLOW_CONN_LAKE"),
        ("hunter2", "is neither a URI nor JSON"),
        ('{"extra": "hunter2"', "is neither a URI nor JSON"),
        ('{"extra": "hunter2"}', "is neither a URI nor JSON"),
    ],
)
def test_a_variable_that_is_none_or_says_nothing_is_refused(
    text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", text)
    with pytest.raises(SpecError, match=words) as raised:
        access_of("lake")
    assert "hunter2" not in str(raised.value)
