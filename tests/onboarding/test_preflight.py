"""What would fail is said before, all of it at once, without a value of a row."""

import re
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from airflow_ml_monitor import MonitorSpec
from airflow_ml_monitor.__main__ import main
from airflow_ml_monitor.onboarding.draft import draft
from airflow_ml_monitor.onboarding.finding import Level
from airflow_ml_monitor.onboarding.preflight import preflight
from airflow_ml_monitor.policy.rule import Bounds, Policy, Rule
from airflow_ml_monitor.profile.label_source import LabelMode
from airflow_ml_monitor.store.repository import MetricsStore


@pytest.fixture
def drafted(shop):
    """A stranger's files, and the spec that init wrote for them, its questions answered."""
    made = shop(days=4).write()
    source = {"predictions": made.folder / "predictions", "labels": made.folder / "labels.parquet"}
    path = draft(made.folder / "reference.parquet", **source, name="shop").write(made.folder / "dags")[0]
    path.write_text(re.sub(r"\s*# TODO\(you\).*", "", path.read_text()))
    return made, path


def grave(findings):
    return {(f.level.value, f.field) for f in findings if f.level is not Level.OK}


def levels(findings):
    return {f.level for f in findings}


def told(findings, field):
    return " ".join(f.what for f in findings if f.field == field)


STALE = ("warning", "windows")
"""The days of the test are long gone."""


def test_a_sound_spec_has_no_error(drafted):
    assert grave(preflight(drafted[1])) == {STALE}


def test_a_contract_is_told_by_what_it_holds(drafted):
    held = told(preflight(drafted[1]), "contract")
    assert "rules, all of known types, on columns that are there: " in held
    # Five guessed columns, the key and the event time; a model's version is to change.
    assert "exists 7, has a value 7" in held
    assert "unique 1" in held


def test_every_fault_is_told_not_only_the_first(drafted):
    _, path = drafted
    text = path.read_text()
    for old, new in (
        ("basket: numeric", "basket: datetime"),
        ("items: numeric", "itmes: numeric"),
        ("label: sent_back", "label: sent_bak"),
        ("key: order_id", "key: order"),
        ("action: alert, k: 2, m: 3, severity: warning}", "action: alert, columns: country}"),
    ):
        assert old in text
        text = text.replace(old, new)
    text += "    - {name: far off, metric: mae, max: 3}\n"
    path.write_text(text.replace("measurements: [", "measurements: [mae, "))
    contract = path.with_name(f"{path.stem}_contract.json")
    contract.write_text(contract.read_text().replace('"country"', '"contry"'))
    found = grave(preflight(path))
    assert {
        ("error", "datasets.predictions.columns.basket"),
        ("error", "datasets.predictions.columns.itmes"),
        ("error", "reference.basket"),
        ("error", "labels.outcomes.key"),
        ("error", "labels.outcomes.label"),
        ("error", "reference.label"),
        ("error", "policy.rules.far off"),
        ("error", "contract"),
    } <= found
    assert main(["check", str(path)]) == 1


@pytest.mark.parametrize(
    ("contract", "field", "words"),
    [
        ("no_such_module:suite", "contract", "no function 'no_such_module:suite'"),
        ("nowhere.yaml", "contract", "no file"),
        ("{gx_project: nowhere, suite: orders}", "contract.gx_project", "it has no great_expectations.yml"),
        ("{expectations: []}", "contract.expectations", "an empty suite passes"),
        ("{gx_project: nowhere}", "contract", "either suite or checkpoint"),
    ],
)
def test_a_contract_that_cannot_be_had_is_told(drafted, contract, field, words):
    _, path = drafted
    path.write_text(re.sub(r"^contract: .*$", f"contract: {contract}", path.read_text(), flags=re.MULTILINE))
    found = preflight(path)
    assert words in told(found, field)
    assert_places_are_told_once(found)


def assert_places_are_told_once(findings):
    """What is said after a field does not begin with a field again: 'contract: contract: …'."""
    assert [f.what for f in findings if re.match(r"(reference|contract|datasets|labels|source)[\w.]*: ", f.what)] == []


def test_a_reference_that_cannot_be_frozen_is_told_with_its_place_once(drafted):
    _, path = drafted
    path.write_text(path.read_text().replace("\nreference:\n", "\nreference:\n  start: 2031-01-01T00:00:00+00:00\n"))
    found = preflight(path)
    assert "no rows in the reference; widen its start and end" in [f.what for f in found if f.field == "reference"]
    assert_places_are_told_once(found)


def test_a_question_that_stands_is_a_warning_and_a_gap_is_an_error(shop):
    made = shop(days=2).write()
    path = draft(made.reference, labels=made.labels, name="frames").write(made.folder / "dags")[0]
    found = preflight(path)
    marks = [f for f in found if f.field.startswith("line ")]
    assert {f.level for f in marks} == {Level.WARNING, Level.ERROR}
    assert Level.ERROR in levels(found)


def test_a_spec_that_does_not_load_says_so_with_its_questions(drafted):
    path = drafted[1]
    path.write_text(path.read_text().replace("kind: binary", "kind: TODO  # TODO(you): binary or regression?"))
    found = preflight(path)
    assert [f.field for f in found] == ["line 7", "task.kind"]
    assert Level.ERROR in levels(found)


def test_a_key_of_the_wrong_table_finds_no_label(drafted):
    made, path = drafted
    made.labels.assign(order_id="x" + made.labels.order_id).to_parquet(made.folder / "labels.parquet")
    assert ("error", "labels.outcomes.key") in grave(preflight(path))


def test_shares_of_labels_orphans_and_repeats_are_those_of_the_rows(drafted):
    made, path = drafted
    # 300 of 1,200 predictions keep their label; 100 labels belong to nobody; 60 are told twice.
    mine = made.labels[:300]
    others = mine[:100].assign(order_id=[f"z{i}" for i in range(100)])
    pd.concat([mine, others, mine[:60]]).to_parquet(made.folder / "labels.parquet")
    said = told(preflight(path), "labels.outcomes.key")
    assert "25.0% of the predictions" in said
    assert "25.0% of the labels belong to no prediction" in said
    assert f"{60 / 460:.1%} of the label rows repeat" in said


def test_a_horizon_shorter_than_the_delays_is_told(drafted):
    spec = MonitorSpec.from_yaml(drafted[1])
    [labels] = spec.labels
    short = replace(spec, labels=(replace(labels, horizon=timedelta(hours=6)),))
    assert ("warning", "labels.outcomes.horizon") in grave(preflight(short))


def test_labels_read_by_another_clock_come_before_their_predictions(drafted):
    spec = MonitorSpec.from_yaml(drafted[1])
    [labels] = spec.labels
    # Noon in Auckland is midnight in UTC: labels seem to come half a day early.
    found = preflight(replace(spec, labels=(replace(labels, zone="Pacific/Auckland"),)))
    assert ("warning", "labels.outcomes.label_time") in grave(found)


def test_a_naive_time_without_a_declared_zone_is_told(drafted):
    path = drafted[1]
    text = re.sub(r"\n +zone: .*", "", path.read_text())
    path.write_text(text)
    zones = {("warning", "datasets.predictions.zone"), ("warning", "labels.outcomes.zone")}
    assert zones <= grave(preflight(path))


@pytest.mark.parametrize(("positive", "level"), [(1, "ok"), (2, "error"), ("yes", "error")])
def test_a_positive_class_that_is_not_among_the_labels_is_told(drafted, positive, level):
    spec = MonitorSpec.from_yaml(drafted[1])
    found = preflight(replace(spec, task=replace(spec.task, positive=positive)))
    assert level in {f.level.value for f in found if f.field == "task.positive"}


def test_too_few_drawn_rows_are_told_and_the_reference_is_read_whole(drafted):
    spec = MonitorSpec.from_yaml(drafted[1])
    drawn = replace(spec, datasets=tuple(replace(one, sampling_fraction=0.01) for one in spec.datasets))
    found = preflight(drawn)
    field = f"datasets.{spec.datasets[0].name}.sampling_fraction"
    assert ("warning", field) in grave(found)
    assert told(found, "task.threshold") == told(preflight(spec), "task.threshold")


def test_a_metric_of_another_task_is_told(drafted):
    spec = MonitorSpec.from_yaml(drafted[1])
    found = preflight(replace(spec, measurements=(*spec.measurements, "rmse")))
    assert "rmse is for regression" in told(found, "measurements")


def test_a_threshold_that_no_score_reaches_is_told(drafted):
    spec = MonitorSpec.from_yaml(drafted[1])
    found = preflight(replace(spec, task=replace(spec.task, threshold=1.5)))
    assert ("warning", "task.threshold") in grave(found)


@pytest.mark.parametrize(
    ("rule", "level"),
    [
        ("metric: roc_auc, min: 0.99", "warning"),  # the reference itself is below
        ("metric: roc_auc, fall: 0.9", "warning"),  # an area below 0 does not exist
        ("metric: roc_auc, fall: 0.1, least_n: 100000", "warning"),  # no window has so many rows
        ("metric: psi, fall: 0.1", "error"),  # the reference has no distance from itself
        ("metric: row_count, fall_share: 0.5", "error"),  # the reference is no window
        ("metric: psi, sigmas: 3", "error"),
        ("metric: freshness, max: 1.0e+9, share_of_columns: 0.5", "error"),  # is of no column
        ("all: [{metric: psi, max: 9}, {metric: roc_auc, min: 0.99}]", "warning"),
        ("any: [{metric: psi, max: 9}, {metric: psi, fall: 0.1}]", "error"),
        ("metric: psi, max: 0, share_of_columns: 1, sure: false", "warning"),  # every column has moved a little
        ("metric: roc_auc, sigmas: 3", "ok"),
        ("metric: roc_auc, fall: 0.1, rise: 0.0001", "ok"),
        ("all: [{metric: psi, max: 9, share_of_columns: 0.3}, {metric: roc_auc, fall: 0.1}], cooldown: 5", "ok"),
        ("metric: roc_auc, fall: 0.1", "ok"),
        ("metric: row_count, min: 100", "ok"),
    ],
)
def test_a_rule_that_cannot_do_what_it_should_is_told(drafted, rule, level):
    path = drafted[1]
    path.write_text(path.read_text() + f"    - {{name: mine, {rule}}}\n")
    levels = {f.level.value for f in preflight(path) if f.field.startswith("policy.rules.mine")}
    assert (levels or {"ok"}) - {"ok"} == ({level} - {"ok"})


def test_of_standard_deviations_it_is_said_when_they_are_judged_first(drafted):
    path = drafted[1]
    path.write_text(path.read_text() + "    - {name: mine, metric: roc_auc, sigmas: 3}\n")
    said = told(preflight(path), "policy.rules.mine")
    assert "an alarm is more than 3 standard deviations off, once 8 windows are in control" in said


@pytest.mark.parametrize(
    ("rule", "level", "said"),
    [
        (Rule("label_drift", Bounds(fall=0.1)), "error", "a distance from the reference"),
        (Rule("label_drift", Bounds(max=0.2)), "ok", "above 0.2; a distance from the reference's labels"),
        (Rule("score_entropy", Bounds(rise=0.005)), "ok", "the reference has score_entropy"),
        (Rule("score_at_ends", Bounds(max=0.5), parameters="at=2"), "error", "score_at_ends has at=0, at=1"),
        (Rule("score_entropy", Bounds(max=0.5), columns=("basket",)), "error", "is for scores of kind numeric"),
    ],
)
def test_rules_on_scores_and_on_the_labels_drift_are_held_against_the_reference(drafted, rule, level, said):
    spec = replace(MonitorSpec.from_yaml(drafted[1]), measurements=(), policy=Policy((rule,)))
    [found] = [one for one in preflight(spec) if one.field.startswith("policy.rules")]
    assert found.level == level
    assert said in found.what


def test_the_limit_in_the_findings_is_the_references_value_less_the_fall(drafted):
    made, path = drafted
    score, label = made.reference.p_return.to_numpy(), made.reference.sent_back.to_numpy() == 1
    auc = (score[label][:, None] > score[~label][None, :]).mean()
    said = told(preflight(path), "policy.rules.ranking got worse")
    limit = float(re.search(r"an alarm is below ([\d.]+)", said)[1])
    assert limit == pytest.approx(auc - 0.03, abs=1e-3)


def test_a_directory_is_checked_as_the_files_in_it(drafted):
    _, path = drafted
    by_glob = path.read_text()
    assert "/predictions/*.parquet" in by_glob
    expected = preflight(path)
    path.write_text(by_glob.replace("/predictions/*.parquet", "/predictions"))
    assert [f for f in preflight(path) if f.field != "cost"] == [f for f in expected if f.field != "cost"]


def test_a_source_that_is_not_there_or_no_parquet_is_an_error(drafted):
    made, path = drafted
    (made.folder / "reference.parquet").write_text("no parquet")
    path.write_text(path.read_text().replace("/predictions/*.parquet", "/nowhere/*.parquet"))
    found = grave(preflight(path))
    assert {("error", "reference.source"), ("error", "datasets.predictions.source")} <= found


def test_labels_that_have_not_come_yet_are_no_error(drafted):
    made, path = drafted
    (made.folder / "labels.parquet").unlink()
    assert grave(preflight(path)) == {STALE, ("warning", "labels.outcomes.source")}


def test_a_day_without_rows_between_others_is_told(drafted):
    made, path = drafted
    sorted((made.folder / "predictions").iterdir())[1].unlink()
    assert "1 days between the first and the last have no rows" in told(preflight(path), "windows")


def test_the_store_is_looked_at_only_if_it_is_named(drafted, tmp_path):
    path, url = drafted[1], f"sqlite:///{tmp_path}/metrics.db"
    assert "not checked" in told(preflight(path), "store")
    assert ("error", "store") in grave(preflight(path, url))
    store = MetricsStore(url)
    store.upgrade()
    store.dispose()
    assert "tables are those of this release" in told(preflight(path, url), "store")


def test_no_value_of_a_row_is_told(drafted):
    made, path = drafted
    said = " ".join(f"{f.what} {f.remedy}" for f in preflight(path))
    secrets = {*made.reference.country, *made.reference.order_id, *made.reference.basket.astype(str)}
    assert not secrets & set(re.findall(r"[\w.-]+", said))


def test_files_of_csv_and_tables_in_memory_are_checked_like_parquet(drafted):
    made, path = drafted
    made.reference.to_csv(made.folder / "reference.csv", index=False)
    made.labels.to_csv(made.folder / "labels.csv", index=False)
    for file in (made.folder / "predictions").iterdir():
        pd.read_parquet(file).to_csv(file.with_suffix(".csv"), index=False)
        file.unlink()
    path.write_text(path.read_text().replace(".parquet", ".csv"))
    from_csv = preflight(path)
    assert grave(from_csv) == {STALE}
    spec = MonitorSpec.from_yaml(path)
    tables = {"predictions": made.predictions, "outcomes": made.labels, "reference": made.reference}
    in_memory = preflight(spec.with_sources(**tables))
    assert grave(in_memory) == {STALE}
    assert told(in_memory, "labels.outcomes.key") == told(from_csv, "labels.outcomes.key")


def test_declared_repeats_are_no_warning_and_what_tells_censored_rows_must_be_there(drafted):
    made, path = drafted
    pd.concat([made.labels, made.labels.head(60)]).to_parquet(made.folder / "labels.parquet", index=False)
    text = path.read_text()
    path.write_text(text.replace("  - name: outcomes\n", "  - name: outcomes\n    several: any\n"))
    findings = preflight(path)
    assert "several: any" in told(findings, "labels.outcomes.several")
    assert grave(findings) == {STALE}
    path.write_text(text.replace("  - name: outcomes\n", "  - name: outcomes\n    censored: closed\n"))
    assert ("error", "labels.outcomes.censored") in grave(preflight(path))


def test_a_newest_day_that_repeats_keys_and_lacks_a_column_is_told(drafted):
    made, path = drafted
    newest = sorted((made.folder / "predictions").iterdir())[-1]
    rows = pd.read_parquet(newest)
    pd.concat([rows, rows[:7]]).drop(columns="country").to_parquet(newest)
    findings = preflight(path)
    assert "7 rows repeat the key order_id" in told(findings, "datasets.predictions.entity_key")
    assert "'country' is missing" in told(findings, "datasets.predictions.columns.country")
    assert Level.ERROR in levels(findings)


@pytest.fixture
def counted(drafted):
    """The same files, but of the labels only how many orders of a day and country were sent back is told."""
    made, path = drafted
    spec = MonitorSpec.from_yaml(path)
    label = spec.labels[0]
    rows = made.predictions.merge(made.labels, on="order_id")
    rows["hits"] = rows[label.label].astype(str).str.lower() == str(spec.task.positive).lower()
    parts = rows.groupby([rows["ordered_at"].dt.date.rename("day"), "country"])
    totals = parts.agg(orders=("order_id", "size"), returned=("hits", "sum")).reset_index()
    totals["told_at"] = pd.Timestamp("2026-03-20")

    def check(changed, **more):
        changed.to_parquet(made.folder / "totals.parquet", index=False)
        source = replace(
            label,
            **{
                "source": str(made.folder / "totals.parquet"),
                "mode": LabelMode.AGGREGATE,
                "key": (),
                "label": "returned",
                "label_time": "told_at",
                "rows": "orders",
                "day": "day",
                "by": ("country",),
                **more,
            },
        )
        dataset = replace(spec.datasets[0], slice_by=("country",))
        rules = (Rule("label_rate", Bounds(max=0.9)),)
        whole = replace(spec, labels=(source,), datasets=(dataset,), policy=Policy(rules), measurements=())
        return preflight(whole)

    return totals, check


def test_totals_that_are_of_the_predictions_are_told_by_the_share_that_they_cover(counted):
    totals, check = counted
    found = check(totals)
    assert grave(found) == {STALE}
    assert "totals cover" in told(found, "labels.outcomes")


def test_totals_that_cannot_be_or_are_of_nothing_are_told_before_the_first_run(counted):
    totals, check = counted
    weekly = totals[:1].assign(orders=100_000)
    nowhere = totals[:1].assign(country="XX")
    found = check(pd.concat([totals, weekly, nowhere, totals[1:3]]))
    assert ("warning", "labels.outcomes.rows") in grave(found)
    assert "1 of more rows than were predicted" in told(found, "labels.outcomes.rows")
    assert "1 totals are of days or parts" in told(found, "labels.outcomes.day")
    assert "2 totals are of a day and part that had one" in told(found, "labels.outcomes.label")


def test_totals_of_other_days_or_of_a_missing_column_are_errors(counted):
    totals, check = counted
    found = check(totals.assign(day=totals["day"] - timedelta(days=400)))
    assert ("error", "labels.outcomes.day") in grave(found)
    assert ("error", "labels.outcomes.rows") in grave(check(totals, rows="shipments"))
    assert "by: [country]" in told(check(totals, by=()), "labels.outcomes")
