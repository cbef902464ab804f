"""A monitor with every question answered: what all later stages read.

``config.load`` turns YAML into a validated ``Config``; ``config.resolve`` joins one monitor of it with the columns that
the warehouse reports and gives the frozen values below. Nothing after this stage looks at YAML again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum


class Kind(str, Enum):
    """How a column is measured."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"


KINDS = {
    "integer": Kind.NUMERIC,
    "decimal": Kind.NUMERIC,
    "float": Kind.NUMERIC,
    "array": Kind.NUMERIC,  # its length
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATETIME,
    "timestamp": Kind.DATETIME,
    "timestamptz": Kind.DATETIME,
    "text": Kind.CATEGORICAL,
}
"""Family of a type -> how such a column is measured."""


class Role(str, Enum):
    """What a column is to a model."""

    FEATURE = "feature"
    PREDICTION = "prediction"
    SCORE = "score"
    LABEL = "label"
    IDENTIFIER = "identifier"
    SEGMENT = "segment"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as the warehouse reports it. ``type_family`` is one of: integer, decimal, float, boolean, text, date,
    timestamp, timestamptz, time, binary, array, nested, unknown."""

    name: str
    data_type: str
    type_family: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A table name (``schema.table``, as the user wrote it) or a SELECT."""

    text: str
    is_query: bool = False


@dataclass(frozen=True, slots=True)
class TimestampSpec:
    """The column that places a row in time.

    ``type_family`` as in SourceColumn (date, timestamp, timestamptz, integer, text). ``format`` is ``yyyymmdd`` for
    integers and text. ``naive`` says how a column without zone is read: ``local`` (wall clock in ``time_zone``) or
    ``utc``. ``late`` is the number of newest buckets that are looked at again for late rows. ``week_start`` 0 = Monday.
    """

    column: str
    type_family: str
    time_zone: str = "UTC"
    bucket: str = "day"
    format: str | None = None
    naive: str = "local"
    detection_delay: timedelta | None = None
    late: int = 3
    week_start: int = 0


@dataclass(frozen=True, slots=True)
class Threshold:
    """Warn and alert limits of one statistic on one column. ``auto`` raises them to the baseline's own noise.

    ``source`` says where the limits come from, for people: ``preset psi_classic`` or ``column amount (drift.yml:12)``.
    """

    warn: float | None
    alert: float | None
    auto: bool = True
    source: str = "preset psi_classic"


@dataclass(frozen=True, slots=True)
class ModelPart:
    """What a column of a model's performance is made of: ``outcome`` (tp, fp, fn or tn of two classes) or ``error``
    (the absolute error of a regression); NULL where label or prediction is. ``positive``: the positive class, '' for
    true or 1."""

    what: str
    label: SourceColumn
    prediction: SourceColumn
    positive: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedColumn:
    name: str
    kind: Kind
    role: Role
    data_type: str
    type_family: str
    expression: str | None = None
    store_values: bool = True
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    """statistic name -> limits; a statistic that is absent is stored as ``not_judged``."""
    model: ModelPart | None = None
    """set for the one column that a model's performance is measured on; ``expression`` then only describes it"""
    named: bool = True
    """False when the column came from a pattern: if it vanishes the decision is a warning, not an alert."""


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    column: str
    max_values: int = 50
    min_rows: int = 0
    alert_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BaselineSpec:
    """Reference rows: a time range of the monitor's relation, or another relation. ``start``/``end`` are UTC instants,
    half-open; None when the baseline is a relation without a range."""

    relation: Relation | None = None
    where: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    spelled: Mapping[str, str] = field(default_factory=dict)
    """columns of the monitor that the baseline's own relation spells in another case -> its spelling"""


@dataclass(frozen=True, slots=True)
class ComparisonSpec:
    """``window``: hour, day, week or month. ``against``: baseline or previous. ``k_of_n``: an alert stands when k of
    the newest n windows are alerts."""

    name: str
    window: str
    against: str = "baseline"
    k_of_n: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class DatasetRule:
    """Shares of drifted columns at which the whole data set is a warning or an alert (0 to 1)."""

    warn: float | None = None
    alert: float | None = None


@dataclass(frozen=True, slots=True)
class ResolvedMonitor:
    project: str
    name: str
    monitor_id: str
    relation: Relation
    where: str | None
    owner: str
    tags: tuple[str, ...]
    timestamp: TimestampSpec | None
    columns: tuple[ResolvedColumn, ...]
    segments: tuple[SegmentSpec, ...]
    baseline: BaselineSpec
    comparisons: tuple[ComparisonSpec, ...]
    statistics: tuple[str, ...]
    precision: str
    dataset: DatasetRule
    table_thresholds: Mapping[str, Threshold]
    """limits of the table rows (``row_count``)."""
    adjustment: str
    """benjamini_hochberg, holm or none."""
    p_gate: float
    """an effect needs an adjusted p below this."""
    refine_budget: int | None
    """most cells' rows that a scheduled run may scan again; None = no limit."""
    config_hash: str
    """hash of everything that decides (thresholds, rules); a change re-decides from stored summaries."""
    missing_columns: tuple[ResolvedColumn, ...] = ()
    """configured columns that the relation does not have."""
    stable_id: str = ""
    """the configured id: by it the history is found again when the name changes."""
