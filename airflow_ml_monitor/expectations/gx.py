"""The only file that imports Great Expectations: late, quietly, and leaving the process as it was."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def load_gx() -> Any:
    """The module `great_expectations`; the first call costs seconds of CPU, and memory.

    Raises ImportError where it is missing, or where its import tried to leave the interpreter.
    """
    if "great_expectations" in sys.modules:
        return sys.modules["great_expectations"]
    with careful_import():
        return importlib.import_module("great_expectations")


@contextmanager
def careful_import() -> Iterator[None]:
    """What may import Great Expectations, ours or a user's, runs in here.

    Raises ImportError where that tried to leave the interpreter.
    """
    logger = logging.getLogger("great_expectations")
    if logger.level == logging.NOTSET:
        # Its import writes 214 lines at INFO into the task's log.
        logger.setLevel(logging.WARNING)
    # Its optional dependencies (PySpark with pandas 3) warn at import, which would be an error under `-W error`.
    with warnings.catch_warnings(), _main_with_a_file():
        warnings.simplefilter("ignore")
        shown_by = warnings.showwarning
        try:
            yield
        except SystemExit as error:
            raise ImportError(
                "importing great_expectations tried to leave the interpreter; "
                "PySpark without grpcio-status does: install grpcio-status, or remove PySpark"
            ) from error
        finally:
            if warnings.showwarning is not shown_by:
                logging.captureWarnings(False)


@contextmanager
def quiet_context() -> Iterator[Any]:
    """An ephemeral context for one validation; afterwards the current project is again what it was.

    Log records and warnings of Great Expectations are swallowed meanwhile: they quote data. Not for several threads
    at once: the current project, the loggers and the warnings are the process's.
    """
    gx = load_gx()
    factory = importlib.import_module("great_expectations.data_context.data_context.context_factory")
    missing = importlib.import_module("great_expectations.exceptions.exceptions").DataContextRequiredError
    manager = factory.project_manager
    try:
        previous = manager.get_current_project()
    except missing:
        previous = None
    try:
        with warnings.catch_warnings(), _silent(logging.getLogger("great_expectations")):
            warnings.simplefilter("ignore")
            # The mode is named: else stale GX_CLOUD_* variables would be followed.
            context = gx.get_context(mode="ephemeral")
            context.variables.progress_bars = {"globally": False}
            yield context
    finally:
        manager.set_project(previous)


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Not by its level: loggers below it have levels of their own."""
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate


@contextmanager
def _main_with_a_file() -> Iterator[None]:
    """`__main__` with a `__file__`: under `python -c`, PySpark's import exits the interpreter with code 0 without one.

    Airflow starts tasks by `python -c` on macOS and under `run_as_user`.
    """
    main: Any = sys.modules["__main__"]
    bare = getattr(main, "__spec__", None) is None and not hasattr(main, "__file__")
    if bare:
        main.__file__ = "<command>"
    try:
        yield
    finally:
        if bare:
            del main.__file__
