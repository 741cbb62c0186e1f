"""What a step tells of its data, as OpenLineage's facets. Called by its provider alone, which is optional.

It is on where `airflow-ml-monitor[openlineage]` is installed and its provider has a transport, e.g.
AIRFLOW__OPENLINEAGE__TRANSPORT='{"type": "http", "url": "http://marquez:5000"}'; its own options leave out operators.
Everything of OpenLineage is imported here, when it asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_ml_monitor.measurement import Severity

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import InputDatasetFacet, OutputDatasetFacet

    from airflow_ml_monitor.monitor.lineage import ColumnFacts, DatasetFacts, Lineage

_SEVERITIES: Final = {Severity.CRITICAL: "error", Severity.WARNING: "warn", Severity.INFO: "info"}
"""As OpenLineage calls them."""


def is_installed() -> bool:
    """True if OpenLineage's provider is there."""
    try:
        import airflow.providers.openlineage.extractors  # noqa: F401
    except ImportError:
        return False
    return True


def as_facets(lineage: Lineage) -> OperatorLineage[Any, Any]:
    """The facts of a step as the provider takes them."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(inputs=[_input(one) for one in lineage.inputs], outputs=[*map(_output, lineage.outputs)])


def _input(facts: DatasetFacts) -> InputDataset:
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as asserted
    from openlineage.client.facet_v2 import data_quality_metrics_input_dataset as measured

    facets: dict[str, InputDatasetFacet] = {}
    if facts.rows is not None:
        columns = {name: _column(column) for name, column in facts.columns.items()}
        facets["dataQualityMetrics"] = measured.DataQualityMetricsInputDatasetFacet(columns, rowCount=facts.rows)
    if facts.assertions:
        facets["dataQualityAssertions"] = asserted.DataQualityAssertionsDatasetFacet(
            [
                asserted.Assertion(
                    assertion=one.kind,
                    success=one.holds,
                    column=one.column or None,
                    severity=_SEVERITIES[one.severity],
                    name=one.name or None,
                )
                for one in facts.assertions
            ]
        )
    if facets and facts.window is not None:
        facets["subset"] = _rows_of_window(facts)
    return InputDataset(facts.place.namespace, facts.place.name, inputFacets=facets)


def _column(facts: ColumnFacts) -> Any:
    from openlineage.client.facet_v2 import data_quality_metrics_input_dataset as measured

    return measured.ColumnMetrics(
        nullCount=facts.nulls,
        distinctCount=facts.distinct,
        sum=facts.total,
        count=facts.count,
        min=facts.low,
        max=facts.high,
        quantiles=dict(facts.quantiles),
    )


def _rows_of_window(facts: DatasetFacts) -> InputDatasetFacet:
    """Which rows were measured: those whose event time lies in the window."""
    from openlineage.client.facet_v2 import base_subset_dataset as subset

    assert facts.window is not None  # the caller asked
    time = subset.FieldBaseCompareExpression(facts.event_time)
    start, end = (subset.LiteralCompareExpression(at.isoformat()) for at in (facts.window.start, facts.window.end))
    since = subset.CompareSubsetCondition(time, start, "GREATER_EQUAL_THAN")
    before = subset.CompareSubsetCondition(time, end, "LESS_THAN")
    return subset.InputSubsetInputDatasetFacet(subset.BinarySubsetCondition(since, before, "AND"))


def _output(facts: DatasetFacts) -> OutputDataset:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as written

    facets: dict[str, OutputDatasetFacet] = {}
    if facts.rows is not None:
        facets["outputStatistics"] = written.OutputStatisticsOutputDatasetFacet(facts.rows)
    return OutputDataset(facts.place.namespace, facts.place.name, outputFacets=facets)
