import json
import pytest
from airflow_ml_monitor import *
from airflow_ml_monitor.airflow_compat import DAG
from airflow_ml_monitor import DataQualityOperator, MeasureOperator

def test_x(desk, run_task, tmp_path, monkeypatch):
    log = tmp_path/"events.jsonl"
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps({"type":"file","log_file_path":str(log),"append":True}))
    from airflow.providers.openlineage.plugins.listener import get_openlineage_listener
    from airflow.sdk.listener import get_listener_manager
    m = get_listener_manager(); m.add_listener(get_openlineage_listener())
    spec = desk.spec(contract="inferred")
    with DAG("d", schedule=None):
        task = MeasureOperator(task_id="step", spec=spec)
    result, api = run_task(task, dag_run=desk.run(2))
    print(result.state, result.error)
    for line in log.read_text().splitlines():
        e = json.loads(line)
        print(e["eventType"], json.dumps(e["inputs"], indent=1)[:6000], json.dumps(e["outputs"]))
    assert 0
