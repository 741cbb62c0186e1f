"""Where a contract's suite comes from: a document, a file, a function, or a project of Great Expectations.

Projects are read as the JSON files that they are, never opened: Great Expectations would scaffold a missing one, drop
rules of types it does not know, and follow GX_CLOUD_* variables. Nothing in them is written.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.expectations.gx import careful_import
from airflow_ml_monitor.expectations.suite import Rules, load_suite
from airflow_ml_monitor.expectations.written import is_function
from airflow_ml_monitor.measurement import Severity

_YML: Final = "great_expectations.yml"
_STORES: Final = {
    "suite": ("expectations_store_name", "expectations_store", "expectations"),
    "checkpoint": ("checkpoint_store_name", "checkpoint_store", "checkpoints"),
    "validation definition": ("", "validation_definition_store", "validation_definitions"),
}


def suite_of(contract: str | Mapping[str, Any]) -> dict[str, Any]:
    """The loaded suite of a contract as a spec names it; 'inferred' is not one. Raises SpecError, before data is read.

    A function is called without arguments, now. Of a checkpoint the suites of its validation definitions are one suite;
    what is in several of them counts once, at its gravest. Its own data, actions and data docs are left alone.
    """
    if isinstance(contract, str):
        return load_suite(_returned(contract) if is_function(contract) else contract)
    if "gx_project" not in contract:
        return load_suite(contract)
    project = _Project(Path(str(contract["gx_project"])))
    if "suite" in contract:
        return load_suite(project.document("suite", str(contract["suite"])))
    return project.checkpoint(str(contract["checkpoint"]))


def _returned(name: str) -> Mapping[str, Any]:
    """What the function of a dotted name returns: a suite's document, or Great Expectations' own object."""
    module, _, function = name.partition(":")
    try:
        with careful_import():
            found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"no function {name!r} ({error}); its module must be importable where tasks run, e.g. from plugins/",
            field="contract",
        ) from error
    if not callable(found):
        raise SpecError(f"{name!r} is no function but {type(found).__name__}", field="contract")
    try:
        with careful_import():
            suite = found()
    except Exception as error:
        raise SpecError(
            f"{name!r} raised {type(error).__name__}: {error}; mend the function", field="contract"
        ) from error
    if not isinstance(suite, Mapping) and callable(to_json := getattr(suite, "to_json_dict", None)):
        suite = to_json()
    if not isinstance(suite, Mapping):
        raise SpecError(
            f"{name!r} returned {type(suite).__name__}; return a suite's dict or an ExpectationSuite", field="contract"
        )
    return suite


class _Project:
    """The files of a project, by its folder or by the folder that holds the project's `gx`."""

    def __init__(self, folder: Path) -> None:
        places = (folder, folder / "gx", folder / "great_expectations")
        found = next((place for place in places if (place / _YML).is_file()), None)
        if found is None:
            raise SpecError(
                f"no project of Great Expectations in {str(folder)!r}: it has no {_YML}; name the folder that has it",
                field="contract.gx_project",
            )
        self._folder = found
        try:
            settings = yaml.safe_load((found / _YML).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SpecError(f"{_YML} is no readable YAML; repair it", field="contract.gx_project") from error
        self._settings: Mapping[str, Any] = settings if isinstance(settings, Mapping) else {}

    def document(self, what: str, name: str) -> Mapping[str, Any]:
        """A stored object of a name; UnknownName lists those that there are."""
        store = self._store(what)
        # Great Expectations cuts a name at its dots into folders.
        path = store.joinpath(*name.split("."))
        path = path.parent / f"{path.name}.json"
        if not path.is_file() or store.resolve() not in path.resolve().parents:
            known = [".".join(p.relative_to(store).with_suffix("").parts) for p in sorted(store.rglob("*.json"))]
            raise UnknownName(what, name, known, field=f"contract.{what}")
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise SpecError(f"{str(path)!r} is no readable JSON; repair it", field="contract.gx_project") from error
        if not isinstance(document, Mapping):
            raise SpecError(f"{str(path)!r} holds no object", field="contract.gx_project")
        return document

    def checkpoint(self, name: str) -> dict[str, Any]:
        """The suites of a checkpoint's validation definitions, as one."""
        named = [str(one["name"]) for one in self.document("checkpoint", name).get("validation_definitions") or ()]
        definitions = [self.document("validation definition", one) for one in named]
        suites = [load_suite(self.document("suite", str(one["suite"]["name"]))) for one in definitions]
        rules = _once([rule for suite in suites for rule in suite["expectations"]])
        return load_suite({"name": name, "expectations": rules})

    def _store(self, what: str) -> Path:
        key, usual, folder = _STORES[what]
        store = (self._settings.get("stores") or {}).get(self._settings.get(key) or usual) or {}
        backend = store.get("store_backend") or {}
        kind = backend.get("class_name", "TupleFilesystemStoreBackend")
        if kind != "TupleFilesystemStoreBackend":
            raise SpecError(
                f"the project keeps each {what} in a {kind}, which is not read; "
                "export the suite as a JSON file, or give a function that returns it",
                field="contract.gx_project",
            )
        return self._folder / str(backend.get("base_directory") or folder)


def _once(rules: Rules) -> Sequence[dict[str, Any]]:
    """Equal rules of several suites once, at their gravest, with ids of their own."""
    kept: dict[str, dict[str, Any]] = {}
    for rule in rules:
        text = json.dumps([rule["type"], rule["kwargs"]], sort_keys=True, default=str)
        meta = {key: value for key, value in rule["meta"].items() if key != "rule_id"}
        mine = kept.setdefault(text, {**rule, "meta": meta})
        mine["severity"] = max(mine["severity"], rule["severity"], key=lambda severity: Severity(severity).rank)
    return list(kept.values())
