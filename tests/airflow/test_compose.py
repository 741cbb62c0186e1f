"""docker/: no container engine is asked. The file is held against its schema, and what it starts is started here:
the image's install step in an empty environment, then every service's own command and health check on PostgreSQL.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def named(text):
    return set(re.findall(r"(?<!\$)\$\{(\w+)", text))


def test_the_compose_file_fits_the_published_schema(compose):
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text())
    assert [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(compose)] == []


def test_the_example_names_exactly_the_variables_that_the_compose_file_needs():
    example = dict(re.findall(r"^(\w+)=(.*)$", (DOCKER / ".env.example").read_text(), re.MULTILINE))
    assert set(example) == named((DOCKER / "compose.yaml").read_text())
    assert set(example.values()) == {""}, "a secret in the repository"


def test_every_service_that_stays_up_is_asked_how_it_is(compose):
    stay = {name for name, service in compose["services"].items() if service.get("restart") != "no"}
    assert stay == {"postgres", *SERVICES}
    assert all(compose["services"][name]["healthcheck"]["test"] for name in stay)


def test_every_volume_is_declared_and_every_dependency_is_a_service(compose):
    for service in compose["services"].values():
        sources = {volume.split(":")[0] for volume in service["volumes"]}
        assert {s for s in sources if not s.startswith(".")} <= set(compose["volumes"])
        assert all((DOCKER / s).is_file() for s in sources if s.startswith("."))
        assert set(service.get("depends_on", ())) <= set(compose["services"])


def test_the_image_takes_the_newest_airflow_that_is_pinned():
    arguments = dict(re.findall(r"^ARG (\w+)=(.+)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE))
    assert (ROOT / "constraints" / "airflow-{AIRFLOW}-py{PYTHON}.txt".format(**arguments)).is_file()
    (default,) = re.findall(r"^AIRFLOW \?= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert arguments["AIRFLOW"] == default


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """An empty environment in which the Dockerfile's RUN installed the wheel; its folder of programs."""
    folder = tmp_path_factory.mktemp("image")
    build = (sys.executable, "-m", "build", "--wheel", "--installer", "uv", "--outdir", str(folder))
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    dockerfile = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    arguments = dict(re.findall(r"^ARG (\w+)=(.+)$", dockerfile, re.MULTILINE))
    (install,) = re.findall(r"^RUN pip install (.+)$", dockerfile, re.MULTILINE)
    # The image's Python need not be that of this machine.
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    pins = ROOT / "constraints" / f"airflow-{arguments['AIRFLOW']}-py{python}.txt"
    install = (
        install.replace("--no-cache-dir", "").replace("/tmp/", f"{folder}/").replace("${AIRFLOW}", arguments["AIRFLOW"])
    )
    install = install.replace(f"{folder}/constraints.txt", str(pins))
    venv, uv = folder / "venv", f"{shlex.quote(sys.executable)} -m uv"
    script = (
        f"{uv} venv -q --python {sys.executable} {venv} && {uv} pip install -q --python {venv}/bin/python {install}"
    )
    subprocess.run(
        ("bash", "-euc", script), check=True, capture_output=True, env={**os.environ, "UV_COMPILE_BYTECODE": "1"}
    )
    return venv / "bin"


class Machine:
    """The services of the compose file as processes of this machine, on databases and ports of the test's own."""

    def __init__(self, compose, folder, image, database, ports):
        self.services, self.folder, self.image = compose["services"], folder, image
        self.api, self.health, self.worker_logs, self.trigger_logs = ports
        self.database = database
        secrets = {
            name: f"{name.lower()}-of-this-test-and-no-other-machine"
            for name in named((DOCKER / "compose.yaml").read_text())
        }
        self.secrets = {**secrets, "FERNET_KEY": "d" * 43 + "=", "ADMIN_PASSWORD": "sesame"}

    def written(self, text):
        """A text of the compose file as it holds here."""
        filled = re.sub(r"(?<!\$)\$\{(\w+)(:\?[^}]*)?\}", lambda found: self.secrets[found[1]], text).replace("$$", "$")
        for theirs, ours in (
            (
                f"postgresql+psycopg2://airflow:{self.secrets['POSTGRES_PASSWORD']}@postgres:5432/airflow",
                self.database("airflow"),
            ),
            (
                f"postgresql+psycopg2://airflow:{self.secrets['POSTGRES_PASSWORD']}@postgres:5432/ml_monitor",
                self.database("metrics"),
            ),
            ("http://api-server:8080", f"http://127.0.0.1:{self.api}"),
            ("localhost:8080", f"127.0.0.1:{self.api}"),
            ("localhost:8974", f"127.0.0.1:{self.health}"),
            ("/opt/airflow", str(self.folder)),
        ):
            filled = filled.replace(theirs, ours)
        return filled

    def environment(self, name):
        theirs = {key: self.written(str(value)) for key, value in self.services[name]["environment"].items()}
        return {
            "PATH": f"{self.image}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            # In a container both are the container's id.
            "HOSTNAME": socket.gethostname(),
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__API__PORT": str(self.api),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.health),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self.worker_logs),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self.trigger_logs),
            **theirs,
        }

    def command(self, name):
        service = self.services[name]
        # What the image itself enters with when only a subcommand is given.
        entry = service.get("entrypoint", ["airflow"])
        return [self.written(str(word)) for word in (*entry, *service["command"])]

    def run(self, name, *more):
        done = subprocess.run(
            (*self.command(name), *more), env=self.environment(name), cwd=self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout

    def start(self, name):
        log = (self.folder / f"{name}.log").open("w")
        with log:
            return subprocess.Popen(
                self.command(name),
                env=self.environment(name),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_healthy(self, name):
        kind, *words = self.services[name]["healthcheck"]["test"]
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        command = [self.written(word) for word in command]
        return subprocess.run(command, env=self.environment(name), capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def machine(compose, image, tmp_path_factory, processes, empty_database):
    """All services up, after the demo's first two days."""
    folder = tmp_path_factory.mktemp("opt-airflow")
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "passwords").mkdir()
    with ExitStack() as stack:
        urls = {name: stack.enter_context(empty_database("postgresql", folder)) for name in ("airflow", "metrics")}
        made = Machine(compose, folder, image, urls.__getitem__, processes.free_ports(4))
        made.run("init")
        made.demo = made.run("demo", "--days", "2", "--faults", "none")
        for name in SERVICES:
            stack.callback(processes.stop, made.start(name))
            if name == "api-server":  # the others wait for it
                processes.until(lambda: made.is_healthy("api-server"), "the API server is up")
        for name in SERVICES:
            processes.until(lambda name=name: made.is_healthy(name), f"{name} is up")
        yield made


@pytest.fixture(scope="module")
def client(machine):
    with httpx.Client(base_url=f"http://127.0.0.1:{machine.api}", timeout=30) as client:
        refused = client.post("/auth/token", json={"username": "admin", "password": "wrong"})
        assert refused.status_code == 401
        token = client.post("/auth/token", json={"username": "admin", "password": machine.secrets["ADMIN_PASSWORD"]})
        client.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        yield client


@pytest.mark.slow
@pytest.mark.servers
def test_the_demo_runs_on_these_databases_before_the_scheduler_does_and_not_beside_it(machine):
    assert "score_credit 2 × success, train_credit 1 × success" in machine.demo
    beside = subprocess.run(
        (*machine.command("demo"), "--days", "2"),
        env=machine.environment("demo"),
        cwd=machine.folder,
        capture_output=True,
        text=True,
    )
    assert beside.returncode == 1
    assert "a scheduler runs on Airflow's database" in beside.stderr


@pytest.mark.slow
@pytest.mark.servers
def test_the_ready_dag_measures_and_decides_under_the_scheduler_of_these_services(machine, client, processes):
    assert client.get("/api/v2/importErrors").json()["total_entries"] == 0
    conf = {
        "window_start": "2026-01-01T06:00:00+00:00",
        "window_end": "2026-01-02T18:00:00+00:00",
        "known_at": "2026-01-03T00:00:00+00:00",
    }
    _, state, tasks = processes.run_to_end(client, "monitor_credit", conf)
    steps = ("labels", "profile", "quality", "drift", "performance", "decide")
    assert (state, {tasks[f"watch.{step}"] for step in steps}) == ("success", {"success"})
    code = f"""
from airflow_ml_monitor import MetricsStore
store = MetricsStore({machine.database("metrics")!r})
print([d.action.value for d in store.decisions("default/credit") if "06:00:00" in d.evidence["window"]])
store.dispose()
"""
    (machine.folder / "look.py").write_text(code)
    asked = subprocess.run(
        (machine.image / "python", machine.folder / "look.py"), capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() == "['wait']"
