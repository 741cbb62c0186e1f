"""The command line writes the page that Python gives."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from typing import Any

import pytest

from airflow_ml_monitor.__main__ import main


def test_the_command_in_a_process_of_its_own_writes_the_same_bytes(quiet: Any, tmp_path: Any) -> None:
    """Another process has another hash seed: nothing on the page hangs on the order of a set."""
    out = tmp_path / "page.html"
    command = [sys.executable, "-m", "airflow_ml_monitor", "report", "default/shop", "--day", "2026-03-04"]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "ML_MONITOR_STORE": quiet.store.url}
    done = subprocess.run([*command, "--out", str(out)], env=environment, capture_output=True, text=True, check=True)
    assert str(out) in done.stdout
    assert out.read_text(encoding="utf-8") == quiet.page(day=date(2026, 3, 4)).html


def test_a_moment_is_taken_with_its_offset(quiet: Any, tmp_path: Any) -> None:
    out = tmp_path / "page.html"
    given = ["report", "default/shop", "--url", quiet.store.url, "--out", str(out)]
    assert main([*given, "--as-of", "2026-03-05T02:00:00+02:00"]) == 0
    assert out.read_text(encoding="utf-8") == quiet.page(as_of=quiet.window(2).end).html


def test_what_is_wrong_is_said_with_what_would_be_right(quiet: Any, tmp_path: Any, capsys: Any) -> None:
    given = ["report", "--url", quiet.store.url, "--out", str(tmp_path / "page.html")]
    assert main([*given, "default/other"]) == 1
    assert "one of: default/shop" in capsys.readouterr().err
    assert main([*given, "default/shop", "--as-of", "yesterday"]) == 1
    assert "2026-03-01T06:00:00+00:00" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(("given", "told"), [(["3/7"], "'3/7' is no day"), ([], "the day is missing")])
def test_a_day_in_another_form_or_left_out_is_answered_with_the_form(capsys: Any, given: list[str], told: str) -> None:
    with pytest.raises(SystemExit):
        main(["report", "default/shop", "--day", *given])
    assert f"argument --day: {told}; write year, month and day, e.g. 2026-03-07" in capsys.readouterr().err
