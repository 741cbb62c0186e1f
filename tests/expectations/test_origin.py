"""A contract from a file, a function or a project is the same suite, or an error before data; nothing is written."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.expectations.engine import check_suite
from airflow_ml_monitor.expectations.gx import load_gx
from airflow_ml_monitor.expectations.origin import suite_of
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.expectations.written import check_written

NOT_NULL = "expect_column_values_to_not_be_null"
SUITE: dict[str, Any] = {"name": "orders", "expectations": [{"type": NOT_NULL, "kwargs": {"column": "x"}}]}


def digests(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file's bytes and time of writing."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as Great Expectations writes it: two suites, two validation definitions, a checkpoint of both."""
    folder = tmp_path_factory.mktemp("project")
    gx = load_gx()
    manager = importlib.import_module("great_expectations.data_context.data_context.context_factory").project_manager
    context = gx.get_context(mode="file", project_root_dir=str(folder))
    of = gx.expectations
    both = [of.ExpectColumnToExist(column="y", severity="info"), of.ExpectTableRowCountToBeBetween(min_value=1)]
    first = [of.ExpectColumnValuesToNotBeNull(column="x", severity="warning"), of.ExpectColumnToExist(column="y")]
    suites = [
        context.suites.add(gx.ExpectationSuite(name="orders", expectations=first)),
        context.suites.add(gx.ExpectationSuite(name="more.rules", expectations=both)),
    ]
    rows = context.data_sources.add_pandas("p").add_dataframe_asset("d").add_batch_definition_whole_dataframe("w")
    definitions = [
        context.validation_definitions.add(gx.ValidationDefinition(name=f"v{i}", data=rows, suite=suite))
        for i, suite in enumerate(suites)
    ]
    context.checkpoints.add(gx.Checkpoint(name="nightly", validation_definitions=definitions, actions=[]))
    manager.set_project(None)
    return folder


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user's module `their_checks`, with good and bad functions."""
    (tmp_path / "their_checks.py").write_text(
        f"""
SUITE = {SUITE!r}
def document(): return SUITE
def gx_suite():
    import great_expectations as gx
    return gx.ExpectationSuite(name="orders", expectations=[gx.expectations.ExpectColumnValuesToNotBeNull(column="x")])
def raises(): return 1 / 0
def number(): return 7
"""
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("their_checks", None)


def rules(suite: dict[str, Any]) -> list[tuple[str, str]]:
    return [(rule["type"], rule["severity"]) for rule in suite["expectations"]]


@pytest.mark.parametrize("ending", ["json", "yaml", "yml"])
def test_a_file_of_either_form_is_the_same_suite(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"suite.{ending}"
    path.write_text(json.dumps(SUITE) if ending == "json" else yaml.safe_dump(SUITE))
    assert suite_of(str(path)) == load_suite(SUITE)


def test_a_date_in_yaml_is_the_text_that_it_would_be_in_json(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(
        "expectations: [{type: expect_column_max_to_be_between, kwargs: {column: t, min_value: 2026-01-01}}]"
    )
    assert suite_of(str(path))["expectations"][0]["kwargs"]["min_value"] == "2026-01-01"


def test_broken_yaml_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text("expectations: [")
    with pytest.raises(SpecError, match=r"suite\.yaml' is no readable YAML"):
        suite_of(str(tmp_path / "suite.yaml"))


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize("name", ["document", "gx_suite"])
def test_a_function_may_return_a_document_or_great_expectations_own_object(name: str) -> None:
    assert suite_of(f"their_checks:{name}")["expectations"] == load_suite(SUITE)["expectations"]


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("their_checks:gone", "no function 'their_checks:gone'"),
        ("no_such_module:f", "importable where tasks run"),
        ("their_checks:SUITE", "is no function but dict"),
        ("their_checks:raises", "raised ZeroDivisionError"),
        ("their_checks:number", "returned int; return a suite's dict"),
    ],
)
def test_a_function_that_gives_no_suite_is_an_error_with_its_remedy(name: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        suite_of(name)
    assert caught.value.field == "contract"


def test_a_suite_of_a_project_is_found_from_either_folder_and_nothing_is_written(project: Path) -> None:
    before = digests(project)
    for folder in (project, project / "gx"):
        found = suite_of({"gx_project": str(folder), "suite": "orders"})
        assert rules(found) == [(NOT_NULL, "warning"), ("expect_column_to_exist", "critical")]
        check_suite(found)
    assert rules(suite_of({"gx_project": str(project), "suite": "more.rules"}))[0][1] == "info"
    assert digests(project) == before


def test_a_checkpoint_is_the_suites_of_its_validation_definitions_each_rule_once_at_its_gravest(project: Path) -> None:
    before = digests(project)
    found = suite_of({"gx_project": str(project), "checkpoint": "nightly"})
    assert rules(found) == [
        (NOT_NULL, "warning"),
        ("expect_column_to_exist", "critical"),
        ("expect_table_row_count_to_be_between", "critical"),
    ]
    check_suite(found)
    assert digests(project) == before


@pytest.mark.parametrize("what", ["suite", "checkpoint"])
def test_what_a_project_lacks_is_an_error_that_lists_what_it_has(project: Path, what: str) -> None:
    with pytest.raises(UnknownName) as caught:
        suite_of({"gx_project": str(project), what: "gone"})
    assert list(caught.value.known) == (["more.rules", "orders"] if what == "suite" else ["nightly"])
    with pytest.raises(UnknownName):
        suite_of({"gx_project": str(project), what: "../great_expectations"})


def test_a_missing_project_is_an_error_and_none_is_scaffolded(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SpecError, match=r"it has no great_expectations\.yml"):
            suite_of({"gx_project": str(folder), "suite": "orders"})
    assert list(tmp_path.iterdir()) == []


def test_a_rule_whose_type_a_project_would_drop_in_silence_is_an_error(project: Path, tmp_path: Path) -> None:
    store = tmp_path / "expectations"
    store.mkdir()
    (tmp_path / "great_expectations.yml").write_text("config_version: 4.0\n")
    unknown = [*SUITE["expectations"], {"type": "expect_column_values_to_be_mine", "kwargs": {"column": "x"}}]
    (store / "orders.json").write_text(json.dumps({"name": "orders", "expectations": unknown}))
    found = suite_of({"gx_project": str(tmp_path), "suite": "orders"})
    assert len(found["expectations"]) == 2
    with pytest.raises(UnknownName, match="expect_column_values_to_be_mine"):
        check_suite(found)


def test_a_project_that_keeps_its_suites_elsewhere_says_how_to_bring_them(tmp_path: Path) -> None:
    backend = {"class_name": "TupleS3StoreBackend", "bucket": "b"}
    stores = {"expectations_store": {"store_backend": backend}}
    (tmp_path / "great_expectations.yml").write_text(yaml.safe_dump({"stores": stores}))
    with pytest.raises(SpecError, match="TupleS3StoreBackend, which is not read; export the suite"):
        suite_of({"gx_project": str(tmp_path), "suite": "orders"})


def test_stale_cloud_variables_change_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = suite_of({"gx_project": str(project), "suite": "orders"})
    monkeypatch.setenv("GX_CLOUD_ACCESS_TOKEN", "stale")
    monkeypatch.setenv("GX_CLOUD_ORGANIZATION_ID", "stale")
    assert suite_of({"gx_project": str(project), "suite": "orders"}) == wanted


@pytest.mark.parametrize(
    "wrong",
    [
        {"gx_project": "p"},
        {"suite": "orders"},
        {"gx_project": "p", "suite": "a", "checkpoint": "b"},
        {"gx_project": "p", "suit": "a"},
    ],
)
def test_half_a_project_is_refused_when_the_spec_is_read(wrong: dict[str, str]) -> None:
    with pytest.raises(SpecError, match="of a project of Great Expectations give gx_project"):
        check_written(wrong)
