"""Where Airflow lives while tests run. Loaded before anything is collected, doctests of the package included."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Before the first import of Airflow, which reads its configuration then. A folder of its own for every process:
# workers of one session, and sessions beside each other, never share a database.
_home = Path(tempfile.mkdtemp(prefix="ml-monitor-airflow-"))
atexit.register(shutil.rmtree, _home, ignore_errors=True)
(_home / "dags").mkdir()

for _name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_"))]:
    del os.environ[_name]
os.environ.update(
    AIRFLOW_HOME=str(_home),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(_home / "dags"),
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{_home}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)
