import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_ml_monitor.errors import CodecError, SpecError, UnknownName
from airflow_ml_monitor.lifecycle.registry import ModelRegistry


class PowerCut(Exception):
    """The moment at which nothing more is written."""


def registry(folder: Path, *versions: str) -> ModelRegistry:
    made = ModelRegistry(folder / "models")
    for version in versions:
        made.save(version, version.encode(), {"rows": len(version)})
    return made


def cut_power_before(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let every file be put in place but the one of this name."""
    replace = os.replace

    def until_then(source: str, target: Path) -> None:
        if Path(target).name.startswith(name):
            raise PowerCut
        replace(source, target)

    monkeypatch.setattr(os, "replace", until_then)


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_saved_is_loaded_by_another_registry_on_the_folder(tmp_path: Path) -> None:
    registry(tmp_path, "b", "a").promote("b")
    other = ModelRegistry(tmp_path / "models")
    assert other.versions() == ("a", "b")
    assert other.champion() == "b"
    assert other.load("b") == b"b"
    assert other.manifest("b") == {"rows": 1}


def test_an_empty_registry_has_no_versions_and_says_so_when_asked_for_a_champion(tmp_path: Path) -> None:
    empty = ModelRegistry(tmp_path / "nowhere")
    assert empty.versions() == ()
    with pytest.raises(SpecError, match=r"champion: the registry has no champion among \[\]; promote one"):
        empty.champion()


def test_saving_or_promoting_twice_touches_no_file(tmp_path: Path) -> None:
    made = registry(tmp_path, "a")
    made.promote("a")
    before = files(tmp_path)
    made.save("a", b"a", {"rows": 1})
    made.promote("a")
    assert files(tmp_path) == before


@pytest.mark.parametrize(("model", "manifest"), [(b"other", {"rows": 1}), (b"a", {"rows": 2}), (b"", {"rows": 1})])
def test_a_saved_version_never_changes(tmp_path: Path, model: bytes, manifest: dict[str, int]) -> None:
    made = registry(tmp_path, "a")
    with pytest.raises(SpecError, match="version 'a' is already saved with other content and never changes"):
        made.save("a", model, manifest)
    assert made.load("a") == b"a"
    assert made.manifest("a") == {"rows": 1}


def test_promoting_an_older_version_rolls_back(tmp_path: Path) -> None:
    made = registry(tmp_path, "a", "b")
    made.promote("a")
    made.promote("b")
    made.promote("a")
    assert made.champion() == "a"


def test_a_day_scored_again_gets_the_model_that_was_in_use_on_it(tmp_path: Path) -> None:
    made = registry(tmp_path, "a", "b")
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 6)]
    made.promote("a", days[1])
    made.promote("b", days[3])
    # The moment of the promotion itself still belongs to the day before it.
    assert [made.champion(before=day) for day in days] == ["a", "a", "a", "a", "b"]
    assert made.champion() == "b"


def test_a_promotion_without_a_zone_is_refused(tmp_path: Path) -> None:
    made = registry(tmp_path, "a")
    with pytest.raises(SpecError, match="has no time zone"):
        made.promote("a", datetime(2026, 1, 1))
    assert not (tmp_path / "models" / "champion.json").exists()


def test_a_failed_retraining_keeps_its_manifest_and_cannot_serve(tmp_path: Path) -> None:
    made = registry(tmp_path, "a")
    made.promote("a")
    made.save("broken", b"", {"outcome": "failed"})
    assert made.manifest("broken") == {"outcome": "failed"}
    assert made.versions() == ("a",)
    with pytest.raises(SpecError, match="has no model: its retraining failed"):
        made.promote("broken")
    assert made.champion() == "a"


def test_a_failed_retraining_may_succeed_later_under_its_name(tmp_path: Path) -> None:
    made = registry(tmp_path)
    made.save("late", b"", {"outcome": "failed"})
    made.save("late", b"model", {"outcome": "promoted"})
    assert made.load("late") == b"model"
    assert made.manifest("late") == {"outcome": "promoted"}


def test_an_unknown_version_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    made = registry(tmp_path, "a", "b")
    for call in (made.load, made.manifest, made.promote):
        with pytest.raises(UnknownName, match="unknown model version 'c'; one of: a, b"):
            call("c")


@pytest.mark.parametrize("version", ["", "..", "../a", "a/b", ".a", "a:b", "x" * 129, "é", "a\n"])
def test_a_version_that_is_no_file_name_is_refused(tmp_path: Path, version: str) -> None:
    made = registry(tmp_path)
    with pytest.raises(SpecError, match="is no version; use letters"):
        made.save(version, b"m", {})
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("cut_at", ["model-", "manifest.json"])
def test_a_crash_while_saving_leaves_no_version_and_saving_again_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_at: str
) -> None:
    made = registry(tmp_path, "a")
    with monkeypatch.context() as patched:
        cut_power_before(patched, cut_at)
        with pytest.raises(PowerCut):
            made.save("b", b"b", {})
    assert made.versions() == ("a",)
    assert not list((tmp_path / "models").rglob(".*"))
    made.save("b", b"b", {})
    assert made.versions() == ("a", "b")


def test_a_crash_while_promoting_leaves_the_old_champion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = registry(tmp_path, "a", "b")
    made.promote("a")
    with monkeypatch.context() as patched:
        cut_power_before(patched, "champion.json")
        with pytest.raises(PowerCut):
            made.promote("b")
    assert made.champion() == "a"
    made.promote("b")
    assert made.champion() == "b"


def test_a_damaged_model_is_noticed_and_not_promoted(tmp_path: Path) -> None:
    made = registry(tmp_path, "a", "b")
    made.promote("a")
    next((tmp_path / "models" / "b").glob("model-*.bin")).write_bytes(b"torn")
    for call in (made.load, made.promote):
        with pytest.raises(CodecError, match="the model of version 'b' is missing or damaged"):
            call("b")
    assert made.champion() == "a"


def test_a_pointer_that_cannot_be_read_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    made = registry(tmp_path, "a")
    (tmp_path / "models" / "champion.json").write_text("{")
    with pytest.raises(CodecError, match="promote a version again"):
        made.champion()
    made.promote("a")
    assert made.champion() == "a"


def test_a_manifest_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    made = registry(tmp_path, "a")
    (tmp_path / "models" / "a" / "manifest.json").write_text("{")
    with pytest.raises(CodecError, match="the manifest of version 'a' cannot be read"):
        made.manifest("a")


def test_other_users_tasks_may_read_the_model(tmp_path: Path) -> None:
    registry(tmp_path, "a").promote("a")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "models").rglob("*") if path.is_file()} == {0o644}


def test_the_manifest_lies_beside_the_model_as_readable_json(tmp_path: Path) -> None:
    registry(tmp_path, "a")
    found = json.loads((tmp_path / "models" / "a" / "manifest.json").read_text())
    assert found["manifest"] == {"rows": 1}
    assert len(list((tmp_path / "models" / "a").glob("model-*.bin"))) == 1
