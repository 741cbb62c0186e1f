"""The documented face of the database: SQL views with every text joined in.

    measurements_current       the newest known value of every series and window
    measurements_as_recorded   every revision of it; `known_at` and `recorded_at` say when it became known and stored
    decisions                  what the policy concluded, oldest number first
    coverage                   per family and window: the current revision, its share of labels, whether it is final

`monitor` is 'namespace/name'; `slice` is a JSON object, '{}' for the whole; `column_name` is '' for a whole dataset.
Times are UTC: timestamptz on PostgreSQL, without a zone on MariaDB and SQLite. A value is NULL where `status` is not
'ok' (of a muted estimator an 'undefined' row keeps one). Tables may change with a release; a view keeps its columns.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, FromClause, Select, select, text

from airflow_ml_monitor.store.tables import decision, head, measurement, monitor, revision, series


def _monitor() -> ColumnElement[str]:
    return (monitor.c.namespace + "/" + monitor.c.name).label("monitor")


def _revisions() -> list[ColumnElement[object]]:
    of_revision = revision.c
    return [
        of_revision.coverage,
        of_revision.is_final,
        of_revision.known_at,
        of_revision.recorded_at,
        of_revision.number.label("revision"),
        of_revision.spec,
        of_revision.contract,
        of_revision.run,
        of_revision.code_version,
    ]


def _measurements(joined: FromClause) -> Select[*tuple[object, ...]]:
    s, m = series.c, measurement.c
    texts = [s.family, s.stage, s.dataset, s.rule, s.model_version, m.window_start, head.c.window_end, head.c.reference]
    named = [s.slice, s.column_name, s.metric, s.parameters]
    numbers = [m.status, m.value, m.low, m.high, m.p_value, m.noise, m.n, m.reason]
    return select(_monitor(), *texts, *named, *numbers, *_revisions()).select_from(joined)


def _current() -> Select[*tuple[object, ...]]:
    joined = (
        measurement.join(series, series.c.id == measurement.c.series_id)
        # By one column: two would make PostgreSQL expect a single row, and look up every head for every series.
        .join(head, head.c.revision_id == measurement.c.revision_id)
        .join(revision, revision.c.id == measurement.c.revision_id)
        .join(monitor, monitor.c.id == series.c.monitor_id)
    )
    return _measurements(joined)


def _as_recorded() -> Select[*tuple[object, ...]]:
    joined = (
        measurement.join(series, series.c.id == measurement.c.series_id)
        .join(revision, revision.c.id == measurement.c.revision_id)
        .join(head, head.c.id == revision.c.head_id)
        .join(monitor, monitor.c.id == series.c.monitor_id)
    )
    return _measurements(joined)


def _decisions() -> Select[*tuple[object, ...]]:
    d = decision.c
    shown = [d.id, d.number, d.known_at, d.action, d.because, d.incident, d.acts, d.evidence]
    origin = [d.policy_digest, d.input_digest, d.run, d.recorded_at]
    return select(_monitor(), *shown, *origin).select_from(decision.join(monitor))


def _coverage() -> Select[*tuple[object, ...]]:
    h = head.c
    texts = [h.family, h.stage, h.dataset, h.rule, h.model_version, h.window_start, h.window_end, h.reference]
    joined = head.join(revision, revision.c.id == head.c.revision_id).join(monitor, monitor.c.id == head.c.monitor_id)
    return select(_monitor(), *texts, *_revisions()).select_from(joined)


VIEWS = {
    "measurements_current": _current,
    "measurements_as_recorded": _as_recorded,
    "decisions": _decisions,
    "coverage": _coverage,
}


def drop_views(connection: Connection) -> None:
    """Remove the views, so that their tables can be altered."""
    for name in VIEWS:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))


def create_views(connection: Connection) -> None:
    """Make the views; they must not be there."""
    for name, statement in VIEWS.items():
        compiled = statement().compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {compiled}")
