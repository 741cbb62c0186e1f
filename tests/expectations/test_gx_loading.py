"""Great Expectations is loaded late, quietly, and leaves the process as it was.

A stand-in package of the same name does what the real import does to a process, without its seven seconds.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

from airflow_ml_monitor.expectations.gx import load_gx, quiet_context


def loaded_by_command(package: Path, source: str, after: str) -> subprocess.CompletedProcess[str]:
    (package / "great_expectations").mkdir()
    (package / "great_expectations" / "__init__.py").write_text(source)
    code = f"import sys; sys.path.insert(0, {str(package)!r})\n"
    code += f"from airflow_ml_monitor.expectations.gx import load_gx\n{after}"
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


def test_an_import_that_would_leave_a_bare_interpreter_does_not(tmp_path: Path) -> None:
    exits = "import sys, __main__\nif not hasattr(__main__, '__file__'): sys.exit(0)"
    done = loaded_by_command(
        tmp_path, exits, "load_gx(); import __main__; print('here', hasattr(__main__, '__file__'))"
    )
    assert done.stdout == "here False\n", done.stderr


def test_an_import_that_leaves_all_the_same_is_an_import_error(tmp_path: Path) -> None:
    after = "try: load_gx()\nexcept ImportError as error: print('caught', 'grpcio-status' in str(error))"
    assert loaded_by_command(tmp_path, "import sys; sys.exit(0)", after).stdout == "caught True\n"


def test_the_import_neither_warns_nor_captures_warnings_nor_logs(tmp_path: Path) -> None:
    noisy = (
        "import logging, warnings\nwarnings.warn('old', FutureWarning)\nlogging.captureWarnings(True)\n"
        "logging.getLogger('great_expectations.x').info('line')"
    )
    after = (
        "import logging, warnings; logging.basicConfig(level='INFO', stream=sys.stdout); shown = warnings.showwarning\n"
        "load_gx(); print(warnings.showwarning is shown)\n"
        "logging.captureWarnings(True); print(warnings.showwarning is shown)"
    )
    done = loaded_by_command(tmp_path, noisy, after)
    assert (done.stdout, done.stderr) == ("True\nFalse\n", "")


def test_a_context_leaves_project_environment_loggers_and_warnings_as_they_were() -> None:
    gx = load_gx()
    from great_expectations.data_context.data_context.context_factory import project_manager

    theirs = gx.get_context(mode="ephemeral")
    logger = logging.getLogger("great_expectations")
    before = (dict(os.environ), logger.level, logger.propagate, list(logger.handlers), list(warnings.filters))
    with quiet_context() as ours:
        assert ours is not theirs
        assert project_manager.get_current_project() is ours
    assert project_manager.get_current_project() is theirs
    assert before == (dict(os.environ), logger.level, logger.propagate, list(logger.handlers), list(warnings.filters))
    project_manager.set_project(None)
