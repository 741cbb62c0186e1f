"""The examples of one feature each, run for real on a few simulated days: what each docstring promises, happens."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from email import message_from_bytes, policy

import pandas as pd
import pytest
from aiosmtpd.controller import Controller

from airflow_ml_monitor.lifecycle.registry import ModelRegistry
from airflow_ml_monitor.simulate.credit import HORIZON
from airflow_ml_monitor.simulate.landing import land_applications, land_outcomes
from airflow_ml_monitor.store.repository import MetricsStore

pytestmark = pytest.mark.slow

DAYS, SLICED, BROKEN = 5, 2, 3


@pytest.fixture(scope="module")
def world(example_world):
    """A model trained; five days scored by it and their outcomes: another relation than it learned from the first day
    on; on one day two slices without employment, from the next on a broken feed."""
    made = example_world(days=DAYS, faults=f"concept@0,feed@{BROKEN}", edits={"contract: inferred": "contract: null"})
    made.driver.run("train_credit", run_id="first_model", run_after=made.simulated.midnight(0))
    made.data = made.world.home / "data"
    import credit_model as model

    champion = model.from_bytes(ModelRegistry(model.MODELS).load("v1"))
    for day in range(DAYS):
        rows = model.scored(pd.read_parquet(land_applications(made.simulated, model.APPLICATIONS, day)), champion, "v1")
        if day == SLICED:
            rows.loc[(rows["channel"] == "broker") | (rows["region"] == "islands"), "employment_years"] = None
        model.write(rows, model.PREDICTIONS / f"{made.simulated.midnight(day).date()}.parquet")
    for day in range(DAYS + HORIZON.days):
        land_outcomes(made.simulated, model.OUTCOMES, day)
    made.store = MetricsStore(made.metrics)
    yield made
    made.store.dispose()


@pytest.fixture
def about(world):
    """Run a DAG about a day, as known so long after its end."""

    def run(dag_id, day, **later):
        start, end = world.simulated.midnight(day), world.simulated.midnight(day + 1)
        conf = {"known_at": (end + timedelta(**later)).isoformat()}
        return world.driver.run(dag_id, run_type="scheduled", data_interval=(start, end), conf=conf)

    return run


@pytest.fixture
def run_due(world):
    """Run what assets have made due: runs made by the scheduler's own code, driven to their end."""

    def run():
        from airflow.jobs.job import Job
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
        from airflow.models.asset import AssetDagRunQueue
        from airflow.models.dag import DagModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            due = select(DagModel).where(DagModel.dag_id.in_(select(AssetDagRunQueue.target_dag_id)))
            scheduler = SchedulerJobRunner(Job())
            scheduler._create_dag_runs_asset_triggered(dag_models=session.scalars(due).all(), session=session)
        return world.driver.run_triggered()

    return run


def decisions(world, monitor):
    """(day on which it was made, decision), in order."""
    return [(day_of(world, d.evidence["window"]), d) for d in world.store.decisions(monitor)]


def day_of(world, window):
    """The number of the day with which a window begins; takes its text."""
    return (pd.Timestamp(str(window).split("/")[0]) - world.simulated.midnight(0)).days


def windows(world, monitor, rule="day@UTC"):
    """The windows of a rule in which rows were counted, with their rows."""
    found = world.store.current(monitor, rule=rule, metrics={"row_count"})
    return {r.head.window: r.measurement.estimate.n for r in found if r.measurement.slice == ()}


def returned(world, dag_id, task_id):
    """What a task returned, run by run."""
    with closing(sqlite3.connect(world.airflow)) as connection:
        query = "select value from xcom where dag_id = ? and task_id = ? and key = 'return_value' order by dag_run_id"
        return [json.loads(value) for (value,) in connection.execute(query, (dag_id, task_id))]


def test_a_biased_delay_model_is_told_when_its_first_biased_day_has_arrived_and_not_before(world, about):
    first = 7
    for day in range(first + 2):
        assert about("watch_flights", day).state == "success"
    made = decisions(world, "default/flights")
    # On the first evening no flight has landed.
    assert [d.action.value for _, d in made] == ["wait"] + ["none"] * first + ["alert"]
    decision = made[-1][1]
    assert {(day_of(world, a["window"]), a["metric"]) for a in decision.evidence["alarms"]} == {(first, "bias")}
    table = world.store.history("default/flights")
    judged = table[(table["status"] == "ok") & table["metric"].isin(["mae", "rmse", "bias"])]
    values = judged.set_index(["metric", "window_start"])["value"]
    assert [len(values[metric]) for metric in ("mae", "rmse", "bias")] == [first + 1] * 3
    assert values["bias"].iloc[:-1].abs().max() < 3
    # Six minutes, of which a few flights' noise hides some.
    assert values["bias"].iloc[-1] == pytest.approx(-6, abs=1.5)
    # A cancelled flight is never labelled, and its window is judged all the same.
    assert judged["coverage"].between(0.93, 0.999).all()


def test_a_column_lost_in_one_slice_is_told_by_the_slices_name_and_a_small_slice_is_not_judged(world, about):
    for day in range(SLICED + 1):
        assert about("monitor_credit_slices", day).state == "success"
    made = decisions(world, "default/credit_slices")
    assert [d.action.value for _, d in made] == ["none"] * SLICED + ["investigate_data"]
    texts = [alarm["text"] for alarm in made[-1][1].evidence["alarms"]]
    # The whole names what one slice lost; the rule tells which one, and says nothing of the small one.
    assert len(texts) == 2
    assert texts[0].startswith("missing_flood of employment_years in ")
    assert "employment_years in channel=broker" in texts[1]
    table = world.store.history("default/credit_slices", metric="completeness")
    lost = table[(table["column"] == "employment_years") & (table["value"] == 0)]
    assert set(lost["slice"]) == {'{"channel":"broker"}', '{"region":"islands"}'}


def test_a_month_is_one_window_of_all_its_days_beside_the_days(world, about):
    for day in range(2):
        about("monitor_credit_days", day)
    first_of_february = world.simulated.midnight(31)
    known = {"known_at": first_of_february.isoformat()}
    made = world.driver.run("monitor_credit_months", run_type="scheduled", logical_date=first_of_february, conf=known)
    assert made.state == "success"
    rows = [len(world.simulated.applications(day)) for day in range(DAYS)]
    key, midnight = "default/credit_calendar", world.simulated.midnight
    assert {(w.start, w.end): n for w, n in windows(world, key, "month@UTC").items()} == {
        (midnight(0), midnight(31)): sum(rows)
    }
    assert {(w.start, w.end): n for w, n in windows(world, key).items()} == {
        (midnight(day), midnight(day + 1)): rows[day] for day in range(2)
    }


def test_labels_without_a_time_are_known_from_first_sight_whenever_they_came(world, about):
    about("monitor_credit_undated", 0)
    midnight = world.simulated.midnight
    table = world.store.history("default/credit_undated", metric="roc_auc", as_of=midnight(1))
    (row,) = table[table["slice"] == "{}"].itertuples()
    had_come = len(world.simulated.outcomes(midnight(0), midnight(1)))
    ever = world.simulated.outcomes(midnight(0), midnight(40))["application_id"]
    ever = ever.isin(world.simulated.applications(0)["application_id"]).sum()
    assert row.n == ever > 20 * had_come
    assert row.status == "ok"


def test_labels_without_a_time_refuse_a_backfill(world):
    (made,) = world.driver.backfill("monitor_credit_undated", *(world.simulated.midnight(2),) * 2)
    assert made.state == "failed"
    assert (made.task_states["watch.performance"], made.task_states["watch.drift"]) == ("failed", "success")


def test_a_broken_feed_is_asked_of_the_applications_and_explains_what_the_scores_show(world, about):
    for day in (BROKEN - 1, BROKEN):
        assert about("watch_upstream_first", day).state == "success"
    applications, scores = (decisions(world, f"default/{name}") for name in ("applications", "credit_scores"))
    assert [d.action.value for _, d in applications] == ["none", "investigate_data"]
    assert "income" in applications[-1][1].because
    assert [d.evidence["upstream"] for _, d in scores] == [["default/applications"]] * 2
    # The scores' monitor sees the same fault, and leaves it to whose data it is.
    assert scores[-1][1].action == "wait"
    assert "is explained by default/applications" in scores[-1][1].because
    assert [d.evidence["upstream"] for _, d in applications] == [[], []]


def test_a_feature_that_was_served_otherwise_than_training_has_it_is_named_row_by_row(world, about):
    for day in (SLICED - 1, SLICED):
        assert about("monitor_credit_features", day).state == "success"
    (_, before), (_, said) = decisions(world, "default/credit_features")
    assert before.action == "none"
    assert said.action == "investigate_data"
    raw = world.simulated.applications(SLICED)
    served = (raw["channel"] == "broker") | (raw["region"] == "islands")
    lost = (served & raw["employment_years"].notna()).mean()
    assert f"training_serving_skew of employment_years in {lost:.1%} of the rows" in said.because


def test_a_delivery_starts_the_monitor_on_the_window_that_it_names(world, about, run_due):
    about("deliver_predictions", 1)
    (made,) = run_due()
    assert (made.dag_id, made.state) == ("monitor_credit_delivered", "success")
    assert made.run_id.startswith("asset_triggered__")
    assert [day_of(world, w) for w in windows(world, "default/credit_delivered")] == [1]
    assert run_due() == []


def test_two_deliveries_before_one_run_measure_the_newest_day(world, about, run_due):
    for day in (2, 0):
        about("deliver_predictions", day)
    (made,) = run_due()
    assert made.state == "success"
    days = {day_of(world, w) for w in windows(world, "default/credit_delivered")}
    assert days & {0, 2} == {2}


def test_a_retraining_that_subscribes_claims_once_and_a_repeated_event_skips(world, about, run_due):
    for day in range(3):
        asked = about("monitor_credit_subscribed", day, days=30)
        if asked.task_states["ask_for_retraining"] == "success":
            break
    assert asked.task_states["ask_for_retraining"] == "success"
    (trained,) = run_due()
    assert trained.dag_id == "train_subscribed"
    assert trained.task_states == dict.fromkeys(("claim", "train", "settle"), "success")
    (action,) = world.store.actions("default/credit_subscribed")
    assert (action.action, action.state, action.run_id) == ("retrain", "done", trained.run_id)

    world.driver.clear("monitor_credit_subscribed", asked.run_id, ["ask_for_retraining"])
    world.driver.rerun("monitor_credit_subscribed", asked.run_id)
    (repeated,) = run_due()
    assert repeated.run_id != trained.run_id
    assert set(repeated.task_states.values()) == {"skipped"}
    assert world.store.actions("default/credit_subscribed") == [action]


class Postbox:
    """What a mail server received: (to, subject) of every mail."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append((*envelope.rcpt_tos, mail["Subject"]))
        return "250 OK"


@pytest.fixture(scope="module")
def postbox(processes):
    """A mail server behind Airflow's default connection."""
    (port,) = processes.free_ports(1)
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    plain = {"disable_ssl": True, "disable_tls": True}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": plain}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        controller.start()
        yield box
        controller.stop()


def test_the_owner_of_the_data_gets_one_mail_of_a_broken_feed_however_often_it_is_cleared(world, about, postbox):
    made = about("monitor_credit_told", BROKEN)
    world.driver.clear("monitor_credit_told", made.run_id, ["mail"])
    assert world.driver.rerun("monitor_credit_told", made.run_id).state == made.state == "success"
    [(to, subject)] = postbox.mails
    assert to == "data@example.com"
    assert subject.startswith("[default/credit_told] investigate data: ")


def test_every_decision_has_a_page(world, about, postbox):
    about("monitor_credit_told", BROKEN + 1)
    pages = {page.stem: page.read_text() for page in (world.world.home / "reports").iterdir()}
    assert set(pages) == {decision.id for _, decision in decisions(world, "default/credit_told")} != set()
    assert all("default/credit_told" in page for page in pages.values())


def test_a_run_that_misses_its_deadline_without_a_decision_is_told_to_whoever_is_on_call(world, about, postbox):
    postbox.mails.clear()
    # Known before the window was over: every task refuses it.
    late = about("monitor_credit_told", 1, days=-1)
    assert late.state == "failed"
    assert asyncio.run(fired(late)) == "success"
    assert postbox.mails == [("on-call@example.com", "[default/credit_told] no decision")]


async def fired(run):
    """Miss a run's deadline as the scheduler does, and run what it hands to the triggerer; how that ended."""
    from airflow.models.dagrun import DagRun
    from airflow.models.deadline import Deadline
    from airflow.triggers.callback import CallbackTrigger
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        missed = session.scalars(select(Deadline).join(DagRun).where(DagRun.run_id == run.run_id)).one()
        missed.handle_miss(session)
        given = missed.callback.trigger.kwargs
    return [event.payload["state"] async for event in CallbackTrigger(**given).run()][-1]


def test_a_frame_that_a_task_returns_is_judged_and_the_next_task_reads_the_decision(world, about):
    for day in (0, BROKEN):
        assert about("score_and_judge", day).state == "success"
    sound, broken = returned(world, "score_and_judge", "publish")
    assert sound == "published"
    assert broken.startswith("kept back: ")
    assert "employment_years" in broken
    assert len(windows(world, "default/credit_scored")) == 2


def test_a_retraining_started_by_hand_needs_no_event_and_records_nothing(world):
    before = world.store.actions("default/credit_subscribed")
    made = world.driver.run("train_subscribed")
    assert made.task_states == dict.fromkeys(("claim", "train", "settle"), "success")
    assert world.store.actions("default/credit_subscribed") == before


def a_month_later(world, dag_id):
    """Run a DAG about the second day again, when the horizon of its labels has passed."""
    start, end = world.simulated.midnight(1), world.simulated.midnight(2)
    conf = {"window_start": start.isoformat(), "window_end": end.isoformat()}
    conf["known_at"] = (end + HORIZON).isoformat()
    assert world.driver.run(dag_id, run_id="a_month_later", conf=conf).state == "success"


def test_silence_is_a_label_after_the_horizon_and_nothing_is_judged_before(world, about):
    for day in range(2):
        result = about("watch_defaults", day)
        assert (result.state, result.task_states["report_defaults"]) == ("success", "success")
    before = world.store.history("default/credit_defaults", metric="accuracy")
    assert set(before["status"]) <= {"immature", "too_few"}
    a_month_later(world, "watch_defaults")
    after = world.store.history("default/credit_defaults", metric="accuracy")
    whole = after[after["slice"] == "{}"].sort_values("window_start")
    rows = [len(world.simulated.applications(day)) for day in range(2)]
    assert (whole["status"].tolist(), whole["n"].tolist(), whole["coverage"].tolist()) == (["ok", "ok"], rows, [1, 1])


def test_withdrawn_loans_are_not_awaited_and_a_default_that_is_cleared_is_one(world, about):
    for day in range(2):
        result = about("watch_reports", day)
        assert (result.state, result.task_states["report"]) == ("success", "success")
    a_month_later(world, "watch_reports")

    def of_first_day(metric):
        found = world.store.history("default/credit_reports", metric=metric)
        found = found[(found["slice"] == "{}") & (found["stage"] == "production")]
        return found.sort_values("window_start").iloc[0]

    applications = world.simulated.applications(0)
    scored = pd.read_parquet(world.data / "predictions" / f"{world.simulated.midnight(0).date()}.parquet")
    gone = set(scored["application_id"][::10])
    reports = pd.concat(pd.read_parquet(path) for path in (world.data / "reports").glob("*.parquet"))
    defaults = set(reports.loc[reports["defaulted"] == 1, "application_id"]) & set(applications["application_id"])
    assert of_first_day("censored_rows")["value"] == len(gone - defaults) / len(applications)
    accuracy = of_first_day("accuracy")
    assert (accuracy["coverage"], accuracy["n"]) == (1, len(applications) - len(gone - defaults))
    assert accuracy["reason"].startswith("of rows observed in full")
    assert of_first_day("label_rate")["value"] == pytest.approx(len(defaults) / accuracy["n"])
    assert world.store.history("default/credit_reports", metric="repeated_labels").empty


def test_a_day_whose_labels_are_awaited_says_why_it_has_no_value_and_what_it_came_to_in_the_end(world, about):
    assert about("watch_late_labels", 0).state == "success"
    assert about("watch_late_labels", 1, days=HORIZON.days).state == "success"
    before, after = returned(world, "watch_late_labels", "tell")
    first = f"{world.simulated.midnight(0):%Y-%m-%d}"
    assert list(before) == [first]
    assert "not estimated: predictions have been followed for 0 days" in before[first]
    assert "it may be" in before[first]
    assert after[first].endswith("], all labels are in")
    stored = world.store.history("default/credit_late", metric="naive.roc_auc", as_of=world.simulated.midnight(1))
    assert set(stored["status"]) <= {"ok", "undefined", "too_few"}
