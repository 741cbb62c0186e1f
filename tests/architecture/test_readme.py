"""The README holds: its tables are what the code says, its blocks run. Run as a script it writes the tables."""

import re
import shlex
import textwrap
from importlib import import_module
from inspect import getdoc, getmembers, isclass
from pathlib import Path

import pytest

from airflow_ml_monitor.airflow_compat import BaseNotifier, BaseOperator
from airflow_ml_monitor.metrics.metric import metrics
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.provider import get_provider_info

README = Path(__file__).resolve().parents[2] / "README.md"


def metrics_table() -> str:
    every = metrics().values()
    parts = {family: [m for m in every if m.family == family] for family in ("quality", "drift", "fault")}
    of_labels = [m for m in every if m.family == "performance"]
    parts |= {f"performance, {task}": [m for m in of_labels if task in m.tasks] for task in TaskKind}
    parts[
        "named faults ([TFDV's](airflow_ml_monitor/metrics/tfdv.py), [measured](tests/benchmarks/results/faults.md))"
    ] = parts.pop("fault")
    rows = [f"| {name} | {', '.join(f'`{m.name}`' for m in part)} |" for name, part in parts.items()]
    return "\n".join(["| of | metrics |", "|---|---|", *rows]) + "\n"


def operators_table() -> str:
    """Every operator, sensor, notifier and decorator of the provider, with the first sentence of its docstring."""
    info = get_provider_info()
    modules = [name for room in ("operators", "sensors") for entry in info[room] for name in entry["python-modules"]]
    modules += [path.rpartition(".")[0] for path in info["notifications"]]
    rows = ["| name | what it does |", "|---|---|"]
    for name in modules:
        for title, kind in getmembers(import_module(name), isclass):
            if kind.__module__ == name and issubclass(kind, (BaseOperator, BaseNotifier)) and title != "MonitorStep":
                rows.append(f"| `{title}` | {first_sentence(kind)} |")
    for entry in info["task-decorators"]:
        module = import_module(entry["class-name"].rpartition(".")[0])
        rows.append(f"| `@task.{entry['name']}` | {first_sentence(module.MonitoredOperator)} |")
    return "\n".join(rows) + "\n"


def first_sentence(thing) -> str:
    return re.split(r"(?<=[.;])\s", " ".join((getdoc(thing) or "").split()), maxsplit=1)[0].rstrip(".;") + "."


TABLES = {"metrics": metrics_table, "operators": operators_table}


def with_table(text: str, name: str) -> str:
    marked = re.compile(rf"(<!-- {name} -->\n).*(<!-- /{name} -->)", re.DOTALL)
    return marked.sub(lambda found: found[1] + TABLES[name]() + found[2], text)


@pytest.mark.parametrize("name", TABLES)
def test_the_readmes_tables_are_what_the_code_says(name):
    text = README.read_text()
    assert f"<!-- {name} -->" in text
    assert with_table(text, name) == text


def test_the_readme_is_short_enough_to_be_read():
    assert len(README.read_text().splitlines()) <= 200


def test_every_file_that_the_readme_names_is_there():
    named = re.findall(r"\]\(([^)]+)\)", README.read_text())
    assert named
    assert [name for name in named if not (README.parent / name).exists()] == []


def block(language: str, holds: str) -> str:
    (found,) = [b for b in re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL) if holds in b]
    return found


def test_every_command_of_ours_that_the_readme_names_is_one():
    from airflow_ml_monitor.__main__ import parser

    text = re.sub(r"\n(?=2026)", " ", README.read_text())
    named = [line.split("`")[0] for line in re.findall(r"python -m airflow_ml_monitor (.+)", text)]
    commands = [option for line in named for option in options(line)]
    assert len(commands) >= 4
    for command in commands:
        parser().parse_args(shlex.split(command))


def options(line: str) -> list[str]:
    """'db upgrade | check' as two commands; monitors' names where a command needs them."""
    first, *others = line.split(" | ")
    found = [first, *(f"{first.split()[0]} {other.strip()}" for other in others)]
    needed = {"db rename": " default/a default/b", "db delete": " default/a"}
    return [one + needed.get(one, "") for one in found]


def test_the_spec_is_one_and_the_dag_of_the_first_use_is_one_on_it(tmp_path):
    from airflow.sdk import task

    (tmp_path / "credit.yaml").write_text(block("yaml", "name: credit"))
    path = tmp_path / "score_credit.py"
    code = compile(block("python", "def score_credit"), path, "exec")

    @task
    def users_own() -> None:
        """What the README leaves to its reader."""

    names = ("score", "page_the_data_owner", "send_the_decision")
    own = {name: lambda name=name: users_own.override(task_id=name)() for name in names}
    space = {"__file__": str(path), "__name__": "score_credit", **own}
    exec(code, space)
    made = space["score_credit"]()
    steps = {f"watch_credit.{step}" for step in ("labels", "profile", "quality", "drift", "performance", "decide")}
    assert {*made.task_ids} == steps | {*names, "trigger_train_credit"}


def test_the_lines_on_history_run_on_a_store(tmp_path):
    from datetime import UTC, datetime, timedelta

    from airflow_ml_monitor import MetricsStore, Window
    from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
    from airflow_ml_monitor.store.records import Revision

    url, day = f"sqlite:///{tmp_path}/monitor.db", datetime(2026, 1, 1, tzinfo=UTC)
    store = MetricsStore(url)
    store.upgrade()
    head = HeadKey(Family.PERFORMANCE, "outcomes", "day@UTC", Window(day, day + timedelta(days=1)))
    for known, value in ((20, 0.8), (60, 0.7)):
        made = Revision(day + timedelta(days=known), str(known), 0.9, False, "run", "1", "spec")
        row = Measurement("roc_auc", Status.OK, Estimate(value, 500, value - 0.05, value + 0.05))
        store.write_revision("default/credit", head, made, [row])
    store.dispose()
    space = {"url": url}
    exec(textwrap.dedent(block("python", "import history, plot")), space)
    assert space["then"]["value"].tolist() == [0.8]


if __name__ == "__main__":
    text = README.read_text()
    for table in TABLES:
        text = with_table(text, table)
    README.write_text(text)
