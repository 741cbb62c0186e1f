"""TensorFlow Data Validation's anomalies, and what says the same here.

For those who come from there: look an anomaly up by its name.

>>> TFDV["SCHEMA_MISSING_COLUMN"].names
('column_missing', 'column_renamed')

A metric or fault is measured in every window; `expectation` is a rule of the contract (Great Expectations), inferred or
the user's own. What has no name here says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Answer:
    """What says an anomaly here: names of metrics and faults, the first one is the nearest; note: how, or why not."""

    names: tuple[str, ...]
    note: str = ""


def _by(*names: str, note: str = "") -> Answer:
    return Answer(names, note)


def _not(why: str) -> Answer:
    return Answer((), why)


_TYPE: Final = _by("type_changed", note="a column arrived as a type by which its kind cannot be read")
_VALUES: Final = _by("expectation", note="expect_column_values_to_be_in_set, or …_to_be_between")
_RANGE: Final = _by("expectation", "quantiles", note="expect_column_values_to_be_between; inferred for numbers")
_TEXT: Final = _by("expectation", note="a category may arrive as any type: its texts are compared")
_PARSED: Final = _by("type_changed", note="numbers in text are a changed type, said by the form of the text")
_LISTS: Final = _not("a column holds one value a row; sets of labels are read by multilabel tasks only")
_SCHEMA: Final = _not("what the user declares wrongly is a SpecError or a SuiteError before data is read")
_SKEW: Final = "drift and skew by distribution, judged by a rule of the policy; row by row with a `replay`"
_NLP: Final = _not("texts are categories here; sequences of tokens are not read")
_IMAGE: Final = _not("images and embeddings are not read")
_SPARSE: Final = _not("sparse and weighted features belong to TFRecord examples; rows of a table have none")

TFDV: Final[dict[str, Answer]] = {
    "UNKNOWN_TYPE": _not("the enum's default, no anomaly"),
    "MULTIPLE_REASONS": _not("each reason is a row of its own"),
    # Booleans
    "BOOL_TYPE_BIG_INT": _by("valid_share", "expectation", note="a boolean other than 0 and 1"),
    "BOOL_TYPE_BYTES_NOT_INT": _TYPE,
    "BOOL_TYPE_BYTES_NOT_STRING": _TYPE,
    "BOOL_TYPE_FLOAT_NOT_INT": _TYPE,
    "BOOL_TYPE_FLOAT_NOT_STRING": _TYPE,
    "BOOL_TYPE_INT_NOT_STRING": _not("a boolean may be 0 and 1"),
    "BOOL_TYPE_SMALL_INT": _by("valid_share", "expectation", note="a boolean other than 0 and 1"),
    "BOOL_TYPE_STRING_NOT_INT": _by("type_changed", note="`to=yes or no`"),
    "BOOL_TYPE_UNEXPECTED_STRING": _by("type_changed"),
    "BOOL_TYPE_UNEXPECTED_FLOAT": _TYPE,
    "BOOL_TYPE_INVALID_CONFIG": _SCHEMA,
    # Categories
    "ENUM_TYPE_BYTES_NOT_STRING": _TEXT,
    "ENUM_TYPE_FLOAT_NOT_STRING": _TEXT,
    "ENUM_TYPE_INT_NOT_STRING": _TEXT,
    "ENUM_TYPE_INVALID_UTF8": _by("encoding_damaged", note="besides: a file that cannot be decoded cannot be read"),
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": _by(
        "unseen_share",
        "category_recoded",
        "category_split",
        "category_merged",
        "encoding_damaged",
        "expectation",
        note="the share of values that the reference did not have, and its cause where it has a name",
    ),
    # Presence
    "FEATURE_TYPE_HIGH_NUMBER_VALUES": _LISTS,
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": _by("completeness", "expectation"),
    "FEATURE_TYPE_LOW_NUMBER_PRESENT": _by("completeness", "row_count"),
    "FEATURE_TYPE_LOW_NUMBER_VALUES": _LISTS,
    "FEATURE_TYPE_NOT_PRESENT": _by("all_missing", "column_missing"),
    "FEATURE_TYPE_NO_VALUES": _LISTS,
    "FEATURE_TYPE_UNEXPECTED_REPEATED": _LISTS,
    "FEATURE_TYPE_HIGH_UNIQUE": _by("expectation", note="expect_column_unique_value_count_to_be_between"),
    "FEATURE_TYPE_LOW_UNIQUE": _by("constant", "expectation"),
    "FEATURE_TYPE_NO_UNIQUE": _SCHEMA,
    # Numbers
    "FLOAT_TYPE_BIG_FLOAT": _RANGE,
    "FLOAT_TYPE_NOT_FLOAT": _TYPE,
    "FLOAT_TYPE_SMALL_FLOAT": _RANGE,
    "FLOAT_TYPE_STRING_NOT_FLOAT": _PARSED,
    "FLOAT_TYPE_NON_STRING": _PARSED,
    "FLOAT_TYPE_UNKNOWN_TYPE_NUMBER": _TYPE,
    "FLOAT_TYPE_HAS_NAN": _by("valid_share", "all_missing"),
    "FLOAT_TYPE_HAS_INF": _by("valid_share"),
    "INT_TYPE_BIG_INT": _RANGE,
    "INT_TYPE_INT_EXPECTED": _by("type_changed", note="whole and other numbers are one kind"),
    "INT_TYPE_NOT_INT_STRING": _PARSED,
    "INT_TYPE_NOT_STRING": _TEXT,
    "INT_TYPE_SMALL_INT": _RANGE,
    "INT_TYPE_STRING_EXPECTED": _PARSED,
    "INT_TYPE_UNKNOWN_TYPE_NUMBER": _TYPE,
    "LOW_SUPPORTED_IMAGE_FRACTION": _IMAGE,
    # Columns
    "SCHEMA_MISSING_COLUMN": _by("column_missing", "column_renamed"),
    "SCHEMA_NEW_COLUMN": _by("column_added", note="a note; where a declared column is missing, see column_renamed"),
    "SCHEMA_TRAINING_SERVING_SKEW": _by(
        "column_missing",
        "column_added",
        "training_serving_skew",
        note="columns that one of the two lacks; the reference is training's data, a `replay` the same rows",
    ),
    "STRING_TYPE_NOW_FLOAT": _TEXT,
    "STRING_TYPE_NOW_INT": _TEXT,
    # Comparisons
    "COMPARATOR_CONTROL_DATA_MISSING": _not("a monitor without a reference's rows is refused (ReferenceMismatch)"),
    "COMPARATOR_TREATMENT_DATA_MISSING": _by("row_count", note="0 rows, or a window that was never measured"),
    "COMPARATOR_L_INFTY_HIGH": _by("psi", "kolmogorov_smirnov", "training_serving_skew", note=_SKEW),
    "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH": _by("jensen_shannon", "training_serving_skew", note=_SKEW),
    "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH": _by("psi", "wasserstein", "training_serving_skew", note=_SKEW),
    "NO_DATA_IN_SPAN": _by("row_count"),
    "COMPARATOR_LOW_NUM_EXAMPLES": _by("row_count", "expectation"),
    "COMPARATOR_HIGH_NUM_EXAMPLES": _by("row_count", "duplicate_rows", "expectation"),
    "DATASET_LOW_NUM_EXAMPLES": _by("row_count", "expectation"),
    "DATASET_HIGH_NUM_EXAMPLES": _by("row_count", "duplicate_rows", "expectation"),
    "SPARSE_FEATURE_MISSING_VALUE": _SPARSE,
    "SPARSE_FEATURE_MISSING_INDEX": _SPARSE,
    "SPARSE_FEATURE_LENGTH_MISMATCH": _SPARSE,
    "SPARSE_FEATURE_NAME_COLLISION": _SPARSE,
    "WEIGHTED_FEATURE_NAME_COLLISION": _SPARSE,
    "WEIGHTED_FEATURE_MISSING_VALUE": _SPARSE,
    "WEIGHTED_FEATURE_MISSING_WEIGHT": _SPARSE,
    "WEIGHTED_FEATURE_LENGTH_MISMATCH": _SPARSE,
    "VALUE_NESTEDNESS_MISMATCH": _LISTS,
    "INVALID_FEATURE_SHAPE": _LISTS,
    "UNEXPECTED_DATA_TYPE": _TYPE,
    # The schema itself
    "SEMANTIC_DOMAIN_UPDATE": _SCHEMA,
    "DOMAIN_INVALID_FOR_TYPE": _SCHEMA,
    "FEATURE_MISSING_NAME": _SCHEMA,
    "FEATURE_MISSING_TYPE": _SCHEMA,
    "INVALID_SCHEMA_SPECIFICATION": _SCHEMA,
    "INVALID_DOMAIN_SPECIFICATION": _SCHEMA,
    "STATS_NOT_AVAILABLE": _not("what was not measured is a row with its status, which asks to investigate the data"),
    "DERIVED_FEATURE_BAD_LIFECYCLE": _SCHEMA,
    "DERIVED_FEATURE_INVALID_SOURCE": _SCHEMA,
    "CUSTOM_VALIDATION": _VALUES,
    # Texts, images, embeddings
    "SEQUENCE_VALUE_TOO_FEW_OCCURRENCES": _NLP,
    "SEQUENCE_VALUE_TOO_MANY_OCCURRENCES": _NLP,
    "SEQUENCE_VALUE_TOO_SMALL_FRACTION": _NLP,
    "SEQUENCE_VALUE_TOO_LARGE_FRACTION": _NLP,
    "FEATURE_COVERAGE_TOO_LOW": _NLP,
    "FEATURE_COVERAGE_TOO_SHORT_AVG_TOKEN_LENGTH": _NLP,
    "NLP_WRONG_LOCATION": _NLP,
    "EMBEDDING_SHAPE_INVALID": _IMAGE,
    "MAX_IMAGE_BYTE_SIZE_EXCEEDED": _IMAGE,
}
"""By the anomaly's name in tensorflow_metadata's anomalies.proto, as of 1.18 of August 2025."""
