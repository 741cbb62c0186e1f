"""`python -m airflow_ml_monitor db …` on a database of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_ml_monitor.__main__ import main
from airflow_ml_monitor.store.repository import MetricsStore


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A migrated database with two monitors."""
    url = f"sqlite:///{tmp_path}/monitor.db"
    store = MetricsStore(url)
    store.upgrade()
    for key in ("default/a", "default/b"):
        store.register_spec(key, "digest", {"name": key}, datetime(2026, 1, 1, tzinfo=UTC))
    store.dispose()
    return url


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["db", *arguments])
    out, err = capsys.readouterr()
    return code, out.strip(), err.strip()


def test_a_new_database_is_made_then_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    code, _, err = said(capsys, "check", "--url", url)
    assert (code, "db upgrade" in err) == (1, True)
    assert said(capsys, "upgrade", "--url", url)[0] == 0
    assert said(capsys, "check", "--url", url) == (0, f"MetricsStore('{url}') is ready", "")


def test_monitors_are_listed_and_renamed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "list", "--url", url)[1] == "default/a\ndefault/b"
    assert said(capsys, "rename", "default/a", "risk/c", "--url", url)[0] == 0
    assert said(capsys, "list", "--url", url)[1] == "default/b\nrisk/c"


def test_nothing_is_deleted_without_yes(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        said(capsys, "delete", "default/a", "--url", url)[1] == "1 monitor, 1 spec_version: to delete them, add --yes"
    )
    assert said(capsys, "list", "--url", url)[1] == "default/a\ndefault/b"
    _, out, _ = said(capsys, "delete", "default/a", "--yes", "--url", url)
    assert out == "deleted default/a: 1 spec_version, 1 monitor"
    assert said(capsys, "list", "--url", url)[1] == "default/b"


def test_an_unknown_monitor_and_a_missing_database_are_errors_in_words(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = said(capsys, "delete", "default/x", "--yes", "--url", url)
    assert (code, err) == (1, "error: unknown monitor 'default/x'; one of: default/a, default/b")
    monkeypatch.delenv("ML_MONITOR_STORE", raising=False)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    code, _, err = said(capsys, "list")
    assert (code, err.startswith("error: url: no metrics database; give its SQLAlchemy URL")) == (1, True)


def test_where_a_monitor_is_unknown_it_is_said_in_which_database_if_none_was_named(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_MONITOR_STORE", url)
    code, _, err = said(capsys, "delete", "default/x")
    place = f"the metrics database {url} (of the variable ML_MONITOR_STORE)"
    assert (code, err) == (1, f"error: {place}: unknown monitor 'default/x'; one of: default/a, default/b")


def test_without_a_url_the_file_of_the_dags_is_meant_and_a_check_makes_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ML_MONITOR_STORE", raising=False)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    absent = tmp_path / "absent.db"
    assert said(capsys, "check", "--url", f"sqlite:///{absent}")[0] == 1
    assert not absent.exists()
    assert said(capsys, "upgrade", "--url", f"sqlite:///{tmp_path}/ml_monitor.db")[0] == 0
    assert said(capsys, "check") == (0, f"MetricsStore('sqlite:///{tmp_path}/ml_monitor.db') is ready", "")
