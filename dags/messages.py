"""A mail to the owner when something changes, a page every day, and an alert when no decision comes at all.

Why the mail follows the group and is no branch: a branch runs for an action, but that an alarm was taken back, or that
an incident is over, is news as well and is no action. The notifier keeps quiet when nothing changed, and sends each
decision once, however often the run is cleared. Faults of data go to the data's owner, drift and the model to theirs.
Why the page is named after the decision: a day that is judged anew, as labels came, is another decision.
Why a deadline: a monitor that has stopped sends no mail. If a run is not done within two hours, whoever is on call
hears that there is no decision. Its carrier is written as a mapping, as deadlines travel to the triggerer as JSON.

Mails go through the connection `smtp_default`. For `python -m aiosmtpd -n -l localhost:1025`, which shows them on the
screen, it needs that host and port, and {"disable_ssl": true, "disable_tls": true} as its extra. To try it, trigger
this DAG with {"window_start": "2026-02-05T00:00Z", "window_end": "2026-02-06T00:00Z", "known_at": "2026-02-06T00:00Z"}:
the demo's feed is broken on that day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import DAG

# Since Airflow 3.2 `airflow.sdk` hands these out as well.
from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference
from credit_model import HOME

from airflow_ml_monitor import DecisionNotifier, MonitorSpec, NotifyOperator, ReportOperator, monitor_tasks
from airflow_ml_monitor.monitor.spec import Owners

told = replace(
    MonitorSpec.from_yaml("credit.yaml"),
    name="credit_told",
    owners=Owners(data="data@example.com", drift="risk@example.com", model="science@example.com"),
)
LETTER = {"from_email": "monitor@example.com", "subject": "{{ message.subject }}", "html_content": "{{ message.html }}"}
ON_CALL = {"class": "airflow.providers.smtp.notifications.smtp.SmtpNotifier", "to": "on-call@example.com", **LETTER}

no_decision = DeadlineAlert(
    reference=DeadlineReference.DAGRUN_QUEUED_AT,
    interval=timedelta(hours=2),
    callback=AsyncCallback(DecisionNotifier, kwargs={"monitor": told.key, "carrier": ON_CALL}),
)

with DAG(
    "monitor_credit_told",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    deadline=no_decision,
):
    mail = DecisionNotifier(monitor=told.key, carrier=SmtpNotifier(to="{{ message.owner }}", **LETTER))
    decision = "ti.xcom_pull(task_ids='watch_credit_told.decide', key='decision')"
    page = ReportOperator(
        task_id="page",
        spec=told,
        path=f"{HOME}/reports/{{{{ {decision}['id'] }}}}.html",
        known_at=f"{{{{ {decision}['known_at'] }}}}",
    )
    monitor_tasks(told) >> [NotifyOperator(task_id="mail", notifier=mail, retries=3), page]
