import os
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.simulate.credit import CreditWorld
from airflow_ml_monitor.simulate.faults import parse_faults
from airflow_ml_monitor.simulate.landing import APPLICATIONS, OUTCOMES, land_applications, land_outcomes


def world() -> CreditWorld:
    return CreditWorld(5, date(2026, 1, 1), days=6, faults=parse_faults("feed@2"), rows_per_day=100)


def test_a_landed_day_reads_back_as_it_arrived(tmp_path: Path) -> None:
    path = land_applications(world(), tmp_path / "applications", 1)
    assert path == tmp_path / "applications" / "2026-01-02.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(path), world().applications(1), check_dtype=False)


def test_missing_numbers_land_as_null_also_where_all_are_missing(tmp_path: Path) -> None:
    for day in (1, 2):
        employment = pq.read_table(land_applications(world(), tmp_path, day))["employment_years"]
        assert employment.null_count == world().applications(day)["employment_years"].isna().sum()
        assert str(employment.type) == "double"


def test_every_file_has_the_same_schema_faulty_and_empty_days_included(tmp_path: Path) -> None:
    for day in range(6):
        assert pq.read_schema(land_applications(world(), tmp_path / "a", day)).remove_metadata().equals(APPLICATIONS)
    for day in (0, 5, 35, 36, 400):
        assert pq.read_schema(land_outcomes(world(), tmp_path / "o", day)).remove_metadata().equals(OUTCOMES)


def test_outcome_files_hold_every_outcome_once_on_the_day_it_became_known(tmp_path: Path) -> None:
    of = world()
    paths = [land_outcomes(of, tmp_path, day) for day in range(36)]
    landed = pd.concat([pd.read_parquet(path).assign(file=path.stem) for path in paths], ignore_index=True)
    assert (landed["known_at"].dt.strftime("%Y-%m-%d") == landed["file"]).all()
    assert list(landed["application_id"]) == list(of.outcomes(of.midnight(0), of.midnight(36))["application_id"])


def test_landing_the_same_day_again_leaves_the_file_untouched(tmp_path: Path) -> None:
    path = land_applications(world(), tmp_path, 0)
    os.utime(path, ns=(1, 1))
    land_applications(world(), tmp_path, 0)
    assert path.stat().st_mtime_ns == 1


def test_a_changed_day_replaces_the_file(tmp_path: Path) -> None:
    path = land_applications(world(), tmp_path, 0)
    other = CreditWorld(6, date(2026, 1, 1), days=6, rows_per_day=100)
    land_applications(other, tmp_path, 0)
    assert len(pd.read_parquet(path)) == len(other.applications(0))


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = land_applications(world(), tmp_path, 0)
    before = path.read_bytes()

    def full_disk(source: object, target: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="no space left"):
        land_applications(CreditWorld(6, date(2026, 1, 1), days=6, rows_per_day=100), tmp_path, 0)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
