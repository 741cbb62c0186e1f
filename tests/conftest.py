"""Where Airflow lives while tests run, and the databases they may use. Loaded before anything is collected."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url, text

if TYPE_CHECKING:
    import pyarrow as pa

# How long a case takes is the machine's affair: no law fails for it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Before numpy is imported: there is a worker for each core, and threads of BLAS would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Before the first import of Airflow, which reads its configuration then. A folder of its own for every process:
# workers of one session, and sessions beside each other, never share a database.
_home = Path(tempfile.mkdtemp(prefix="ml-monitor-airflow-"))
atexit.register(shutil.rmtree, _home, ignore_errors=True)
(_home / "dags").mkdir()

for _name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_"))]:
    del os.environ[_name]
os.environ.pop("ML_MONITOR_STORE", None)
os.environ.update(
    AIRFLOW_HOME=str(_home),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(_home / "dags"),
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{_home}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)

SERVERS = {"postgresql": "ML_MONITOR_TEST_POSTGRES", "mariadb": "ML_MONITOR_TEST_MARIADB"}
Databases = Callable[[str, Path], AbstractContextManager[str]]


@dataclass(frozen=True)
class ObjectStore:
    """A server that speaks S3, and one of its buckets."""

    url: str
    bucket: str
    files: Any
    """pyarrow's filesystem of the server"""

    @property
    def connection(self) -> str:
        """An Airflow connection to it, as the variable AIRFLOW_CONN_… holds one."""
        extra = {"endpoint_url": self.url, "region_name": "eu-central-1"}
        return json.dumps({"conn_type": "aws", "login": "key", "password": "S3CR3T", "extra": extra})

    def put(self, name: str, table: pa.Table, **options: Any) -> None:
        """Write a Parquet file."""
        import pyarrow.parquet as pq

        pq.write_table(table, f"{self.bucket}/{name}", filesystem=self.files, **options)


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """An S3 server, in a process of its own: a client that keeps Python waiting would wait for itself."""
    from pyarrow import fs

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", place.rpartition(":")[2]]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(place, server)
        files = fs.S3FileSystem(
            access_key="key", secret_key="S3CR3T", endpoint_override=place, scheme="http",
            allow_bucket_creation=True,
        )  # fmt: skip
        files.create_dir("lake")
        yield ObjectStore(f"http://{place}", "lake", files)
    finally:
        server.terminate()
        server.wait(30)


def _await(place: str, server: subprocess.Popen[bytes]) -> None:
    """Until a server answers; on a busy machine its imports take a while."""
    host, _, port = place.partition(":")
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"the S3 server does not answer; it ended with {server.poll()}")


@pytest.fixture(scope="session")
def builders() -> Callable[[str], ModuleType]:
    """Loads a module by its path under tests, e.g. 'laws/rows.py': test folders are no packages."""
    found: dict[str, ModuleType] = {}

    def load(path: str) -> ModuleType:
        if path not in found:
            spec = spec_from_file_location(f"tests_{Path(path).stem}", Path(__file__).parent / path)
            assert spec is not None
            assert spec.loader is not None
            found[path] = module_from_spec(spec)
            # A dataclass looks its module up by name.
            sys.modules[spec.name] = found[path]
            spec.loader.exec_module(found[path])
        return found[path]

    return load


@pytest.fixture(scope="session")
def rows(builders: Callable[[str], ModuleType]) -> ModuleType:
    """The builders of what metrics are given."""
    return builders("laws/rows.py")


@pytest.fixture(scope="session")
def empty_database() -> Databases:
    """Makes an empty database of a kind for a `with` block and gives its URL: SQLite in a folder, or on a server.

    Without the server's URL in the environment the test is skipped, or fails where servers are required.
    """
    number = 0

    @contextmanager
    def made(kind: str, folder: Path) -> Iterator[str]:
        nonlocal number
        if kind == "sqlite":
            yield f"sqlite:///{folder}/monitor.db"
            return
        number += 1
        server, name = _server(kind), f"ml_monitor_test_{os.getpid()}_{number}"
        _execute(server, f"CREATE DATABASE {name}")
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            _execute(server, f"DROP DATABASE {name}")

    return made


def _server(kind: str) -> str:
    variable = SERVERS[kind]
    if url := os.environ.get(variable):
        return url
    if os.environ.get("ML_MONITOR_TEST_SERVERS") == "required":
        pytest.fail(f"{variable} is not set, but ML_MONITOR_TEST_SERVERS=required")
    pytest.skip(f"{variable} is not set: no {kind} server to test with")


def _execute(server: str, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
