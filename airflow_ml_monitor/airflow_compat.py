"""The only file that asks which Airflow this is: names that moved between 3.1 and 3.3, at one address.

Read by the thin rooms when a DAG is parsed: only what a parse needs anyway is imported at the top. The functions
below reach into Airflow's scheduler and import it when called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow import __version__ as airflow_version
from airflow.sdk import (
    DAG,
    Asset,
    BaseHook,
    BaseNotifier,
    BaseOperator,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    TaskGroup,
    TriggerRule,
    chain,
    dag,
    literal,
    task,
    task_group,
)
from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory
from airflow.sdk.definitions.context import context_merge

if TYPE_CHECKING:
    import httpx
    from airflow.sdk import BaseBranchOperator, CronTriggerTimetable
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )
    from sqlalchemy.orm import Session
else:
    try:  # 3.2 moved branching and timetables into the SDK
        from airflow.sdk import BaseBranchOperator, CronTriggerTimetable
    except ImportError:
        from airflow.providers.standard.operators.branch import BaseBranchOperator
        from airflow.timetables.trigger import CronTriggerTimetable

    try:  # 3.2 moved what a task may raise into the SDK; the old address warns since
        from airflow.sdk.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowRescheduleException,
            AirflowSensorTimeout,
            AirflowSkipException,
        )
    except ImportError:
        from airflow.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowRescheduleException,
            AirflowSensorTimeout,
            AirflowSkipException,
        )

__all__ = [
    "AIRFLOW_VERSION",
    "DAG",
    "Asset",
    "BaseBranchOperator",
    "BaseHook",
    "BaseNotifier",
    "BaseOperator",
    "BaseSensorOperator",
    "Context",
    "CronTriggerTimetable",
    "DecoratedOperator",
    "PokeReturnValue",
    "TaskGroup",
    "TriggerRule",
    "chain",
    "context_merge",
    "dag",
    "determine_kwargs",
    "literal",
    "task",
    "task_decorator_factory",
    "task_group",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowRescheduleException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "configuration",
    "provided_filesystem",
    "parse_folder",
    "store_bundles",
    "store_dags",
    "execution_api",
    "run_task",
    "is_in_process",
]

_major, _minor, *_ = airflow_version.split(".")
AIRFLOW_VERSION = (int(_major), int(_minor))


def configuration() -> Any:
    """Airflow's configuration as tasks may read it."""
    home = "airflow.sdk" if AIRFLOW_VERSION >= (3, 2) else "airflow.configuration"
    return import_module(home).conf


def determine_kwargs(function: Callable[..., Any], args: Collection[Any], context: Any) -> Mapping[str, Any]:
    """What of a task's context a function asks for by name."""
    try:  # 3.2 moved it into the SDK
        home = import_module("airflow.sdk.bases.decorator")
        found = home.determine_kwargs
    except AttributeError:
        found = import_module("airflow.utils.operator_helpers").determine_kwargs
    asked: Mapping[str, Any] = found(function, args, context)
    return asked


def is_in_process() -> bool:
    """True inside a task that `dag.test()` or our driver runs in its own process, without an executor."""
    # Read off the module that Airflow itself loaded: importing it here would load the whole runner.
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    comms = getattr(runner, "SUPERVISOR_COMMS", None)
    return type(comms).__name__ == "InProcessSupervisorComms"


def provided_filesystem(scheme: str, conn_id: str) -> Any:
    """What a provider reads a scheme with, by a connection; None where no provider knows the scheme."""
    try:
        # Not `attach`, which would keep the credentials for as long as the process lives.
        return import_module("airflow.sdk.io.store").ObjectStore(scheme, conn_id).fs
    except ValueError:
        return None


_BUNDLE = "dags-folder"  # Airflow's own name for the folder that it is configured with


def _dag_bags() -> Any:
    return import_module("airflow.dag_processing.dagbag" if AIRFLOW_VERSION >= (3, 2) else "airflow.models.dagbag")


def parse_folder(folder: Path) -> Any:
    """The DAGs in a folder, parsed once, as Airflow's DagBag."""
    # The parameter went when the examples became a bundle of their own.
    examples = {} if AIRFLOW_VERSION >= (3, 2) else {"include_examples": False}
    return _dag_bags().BundleDagBag(dag_folder=folder, bundle_path=folder, **examples)


def store_bundles(session: Session) -> None:
    """Tell Airflow's database of the folders that it is configured with; DAGs refer to them."""
    bundles: Any = import_module("airflow.dag_processing.bundles.manager").DagBundlesManager()
    bundles.sync_bundles_to_db(session=session)
    session.commit()


def store_dags(bag: Any, session: Session) -> None:
    """Write parsed DAGs to Airflow's database, as the DAG processor does; unchanged ones keep their version."""
    store_bundles(session)
    _dag_bags().sync_bag_to_db(bag, _BUNDLE, None, session=session)
    session.commit()


@cache
def _execution_api() -> Any:
    # Building it takes seconds, and 3.1 would build one for every caller.
    return import_module("airflow.sdk.execution_time.supervisor").in_process_api_server()


@contextmanager
def execution_api(bag: Any) -> Iterator[httpx.BaseTransport]:
    """Airflow's execution API in this process, on its database, with DAGs looked up in a bag that is kept."""
    from airflow.api_fastapi.common.dagbag import dag_bag_from_app

    api = _execution_api()
    api.app.dependency_overrides[dag_bag_from_app] = lambda: bag
    try:
        yield api.transport
    finally:
        api.app.dependency_overrides.pop(dag_bag_from_app, None)


def run_task(instance: Any, task: Any, transport: httpx.BaseTransport) -> Any:
    """Run one task instance through Airflow's task runner in this process, speaking to a given execution API."""
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

    client = InProcessTestSupervisor._Client(base_url=None, token="", dry_run=True, transport=transport)
    client.base_url = "http://in-process.invalid/"

    class Supervisor(InProcessTestSupervisor):
        # 3.1 and 3.2 have no parameter for the client; all three ask this method.
        @staticmethod
        def _api_client(dag: Any = None) -> Any:
            return client

    return Supervisor.start(what=instance, task=task)
