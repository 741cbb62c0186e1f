"""A decision is told when it changes something, once by each carrier: as a task, as a callback, in a deadline alert."""

import asyncio
import json
from email import message_from_bytes, policy
from typing import ClassVar

import pytest
from aiosmtpd.controller import Controller

from airflow_ml_monitor import (
    DataQualityOperator,
    DecideOperator,
    DecisionNotifier,
    MetricsStoreHook,
    NotifyOperator,
    PerformanceOperator,
)
from airflow_ml_monitor.airflow_compat import DAG, BaseNotifier
from airflow_ml_monitor.errors import SpecError

MONITOR = "default/credit"


class Letters(BaseNotifier):
    """A carrier that keeps what it was given to send."""

    template_fields = ("to", "body")
    sent: ClassVar[list[tuple[str, str]]] = []
    broken = False

    def __init__(self, to, body="{{ message.subject }}", **kwargs):
        super().__init__(**kwargs)
        self.to, self.body = to, body

    def notify(self, context):
        if Letters.broken:
            raise ConnectionError("no post today")
        Letters.sent.append((self.to, self.body))


@pytest.fixture(autouse=True)
def letters(monkeypatch):
    monkeypatch.setattr(Letters, "sent", [])
    monkeypatch.setattr(Letters, "broken", False)
    return Letters.sent


@pytest.fixture
def decide(desk, desks, run_task):
    """Measure a day and judge it: what the decide task handed on; settings are those of the decide task."""
    spec = desk.spec(rules=desks.broken("retrain"))

    def run(number, settings=None, **more):
        for kind in (DataQualityOperator, PerformanceOperator, DecideOperator):
            with DAG("d", schedule=None):
                task = kind(task_id="decide", spec=spec, **(settings or {} if kind is DecideOperator else {}))
            result, api = run_task(task, dag_run=desk.run(number, **more))
            assert result.state.value == "success", result.error
        return api.pushed[("decide", "decision")]

    return run


@pytest.fixture
def tell(run_task, desk):
    """A NotifyOperator downstream of the decide task, in the run of a day."""

    def run(notifier, number, decision):
        with DAG("d", schedule=None):
            decided = DecideOperator(task_id="decide", spec=desk.spec())
            task = NotifyOperator(task_id="tell", notifier=notifier)
            decided >> task
        return run_task(task, dag_run=desk.run(number), xcoms={("decide", "decision"): decision})[0]

    return run


def test_a_decision_is_told_by_its_task_once_and_each_carrier_tells_it(desk, decide, tell, letters):
    made = decide(3)
    one, other = (DecisionNotifier(monitor=MONITOR, carrier=Letters(to=name)) for name in ("a", "b"))
    for notifier in (one, one, other, one):
        assert tell(notifier, 3, made).state.value == "success"
    assert [to for to, _ in letters] == ["a", "b"]
    assert letters[0][1].startswith("[default/credit] retrain: ")


def test_the_same_incident_on_the_next_day_is_no_news(desk, decide, tell, letters):
    notifier = DecisionNotifier(monitor=MONITOR, carrier=Letters(to="a"))
    for number in (3, 4):
        tell(notifier, number, decide(number))
    assert len(letters) == 1


def test_one_notifier_tells_the_decisions_of_many_runs_of_one_process(desk, desks, run_task, tell, letters):
    notifier = DecisionNotifier(monitor=MONITOR, carrier=Letters(to="a"))
    for number, action in ((3, "alert"), (4, "retrain")):
        spec = desk.spec(rules=desks.broken(action))
        for kind in (DataQualityOperator, PerformanceOperator, DecideOperator):
            with DAG("d", schedule=None):
                task = kind(task_id="decide", spec=spec)
            _, api = run_task(task, dag_run=desk.run(number))
        tell(notifier, number, api.pushed[("decide", "decision")])
    assert [body.split()[1] for _, body in letters] == ["alert:", "retrain:"]


def test_of_two_monitors_upstream_each_notifier_tells_its_own(desk, desks, decide, run_task, letters):
    mine = decide(3)
    other = desk.spec(name="other", rules=desks.broken("alert"))
    for kind in (DataQualityOperator, PerformanceOperator, DecideOperator):
        with DAG("d", schedule=None):
            task = kind(task_id="decide_other", spec=other)
        _, api = run_task(task, dag_run=desk.run(3))
    theirs = api.pushed[("decide_other", "decision")]
    for monitor in (MONITOR, "default/other"):
        with DAG("d", schedule=None):
            both = [DecideOperator(task_id=name, spec=other) for name in ("decide", "decide_other")]
            task = NotifyOperator(task_id="tell", notifier=DecisionNotifier(monitor=monitor, carrier=Letters(to="a")))
            both >> task
        run_task(task, dag_run=desk.run(3), xcoms={("decide", "decision"): mine, ("decide_other", "decision"): theirs})
    assert [body.split(":")[0] for _, body in letters] == ["[default/credit] retrain", "[default/other] alert"]


def test_the_owner_of_the_finding_is_at_hand_for_the_address(desk, desks, run_task, tell, letters):
    spec = desk.spec(rules=desks.broken("retrain"), owners={"data": "data@x", "drift": "drift@x", "model": "model@x"})
    for kind in (DataQualityOperator, PerformanceOperator, DecideOperator):
        with DAG("d", schedule=None):
            task = kind(task_id="decide", spec=spec)
        _, api = run_task(task, dag_run=desk.run(3))
    tell(
        DecisionNotifier(monitor=MONITOR, carrier=Letters("{{ message.owner }}")), 3, api.pushed[("decide", "decision")]
    )
    assert [to for to, _ in letters] == ["model@x"]


def test_a_message_that_could_not_be_sent_is_sent_by_the_next_try(desk, decide, tell, letters, monkeypatch):
    made = decide(3)
    notifier = DecisionNotifier(monitor=MONITOR, carrier=Letters(to="a"))
    monkeypatch.setattr(Letters, "broken", True)
    assert tell(notifier, 3, made).state.value == "failed"
    monkeypatch.setattr(Letters, "broken", False)
    assert tell(notifier, 3, made).state.value == "success"
    assert len(letters) == 1


def test_as_a_callback_of_the_decide_task_it_tells_that_tasks_decision(desk, decide, letters):
    notifier = DecisionNotifier(monitor=MONITOR, carrier=Letters(to="a"))
    decide(3, {"on_success_callback": notifier})
    decide(4, {"on_success_callback": notifier})
    assert len(letters) == 1
    # What was given is unrendered still: the next run renders it anew.
    assert notifier.carrier.body == "{{ message.subject }}"


def test_a_backfill_and_a_shadow_tell_nobody(desk, desks, decide, tell, letters):
    notifier = DecisionNotifier(monitor=MONITOR, carrier=Letters(to="a"))
    tell(notifier, 3, decide(3, run_type="backfill"))
    assert letters == []


def test_a_run_without_a_decision_is_told_as_such(desk, decide, letters):
    decide(3)
    notifier = DecisionNotifier(monitor=MONITOR, carrier=Letters(to="a"))
    notifier({"dag_run": {"run_id": "scheduled__late", "dag_id": "d"}})
    assert letters == [("a", "[default/credit] no decision")]


def test_a_deadline_alert_carries_it_as_json_and_awaits_it(desk, decide, letters):
    from airflow.sdk.definitions.callback import AsyncCallback
    from airflow.triggers.callback import CallbackTrigger

    decide(3)
    carrier = {"class": f"{__name__}.Letters", "to": "on-call"}
    given = AsyncCallback(DecisionNotifier, kwargs={"monitor": MONITOR, "carrier": carrier})
    kwargs = json.loads(json.dumps(given.kwargs))
    kwargs["context"] = {"dag_run": {"run_id": "scheduled__late", "dag_id": "d"}}

    async def fire():
        return [event.payload async for event in CallbackTrigger(given.path, kwargs).run()]

    events = asyncio.run(fire())
    assert events[-1]["state"] == "success", events
    assert letters == [("on-call", "[default/credit] no decision")]


def test_a_mapping_without_its_class_is_refused_when_the_dag_is_parsed():
    with pytest.raises(SpecError, match="carrier: a carrier as a mapping names its class's path"):
        DecisionNotifier(monitor=MONITOR, carrier={"to": "a"})


class Postbox:
    """What a mail server received."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


def test_a_mail_server_receives_the_decision_as_html(desk, decide, tell, processes, monkeypatch):
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    made = decide(3)
    postbox = Postbox()
    (port,) = processes.free_ports(1)
    controller = Controller(postbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "monitor@x.example"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        mail = SmtpNotifier(to="owner@x.example", subject="{{ message.subject }}", html_content="{{ message.html }}")
        assert (
            tell(DecisionNotifier(monitor=MONITOR, carrier=mail, link="http://x.example/run"), 3, made).state
            == "success"
        )
    finally:
        controller.stop()
    [(to, received)] = postbox.mails
    assert to == ["owner@x.example"]
    assert received["Subject"].startswith("[default/credit] retrain: ")
    body = received.get_body(("html",)).get_content()
    assert '<a href="http://x.example/run">' in body
    assert made["id"] in body


def test_the_store_remembers_who_was_told(desk, decide, tell):
    made = decide(3)
    tell(DecisionNotifier(monitor=MONITOR, carrier=Letters(to="a")), 3, made)
    store = MetricsStoreHook().store
    try:
        assert store.counted(MONITOR)["message"] == 1
    finally:
        store.dispose()
