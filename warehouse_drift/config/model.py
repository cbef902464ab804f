"""The shape of ``drift.yml`` as frozen pydantic models: one class a mapping, one field a key.

Short forms (a string for a column, a list for ``columns``) become the full form before validation, so that there are no
unions to explain in an error. Names in parentheses are places for short forms that no user can write. Keys that are
planned but not built yet are in ``later``. Rules between keys are in ``checks``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr, model_validator

from warehouse_drift.config.alerts import AlertsConfig, OnAlertConfig
from warehouse_drift.config.base import Base, Duration, Pattern, Patterns, Share, Size, Text, Texts, Zone
from warehouse_drift.config.resolved import Kind, Role
from warehouse_drift.config.values import (
    k_of_n_rule,
    one_or_many,
    statistic_name,
    week_day,
    window_name,
)
from warehouse_drift.config.yaml_lines import Document, Path

StatisticName = Annotated[str, BeforeValidator(statistic_name)]
Window = Annotated[Literal["hour", "day", "week", "month"], BeforeValidator(window_name)]
Precision = Literal["certified", "exact"]
Adjustment = Literal["benjamini_hochberg", "holm", "none"]
Probability = Annotated[float, Field(gt=0, le=1)]


class ResultsConfig(Base):
    """Who writes the results. A connection of its own cannot: results are made from scratch tables of the session that
    read the source, so that no row passes through Python."""

    later = frozenset({"url"})
    role: Text | None = Field(None, description="the role that writes the result schema; the session changes to it for each write")


class WarehouseConfig(Base):
    """How the warehouse is reached: a SQLAlchemy URL, or a dbt profile."""

    url: SecretStr | None = Field(None, description="SQLAlchemy URL, for example duckdb:///shop.duckdb; a relative file counts from the folder of this configuration")
    password: SecretStr | None = Field(None, description="put into the URL; keeps it out of the URL's text")
    token: SecretStr | None = Field(None, description="as password, for warehouses that take a token")
    dbt_profile: Text | None = Field(None, description="name of a profile in dbt's profiles.yml, instead of a URL")
    target: Text | None = Field(None, description="the profile's target; default: the one that the profile names")
    profiles_dir: Text | None = Field(
        None, description="folder of profiles.yml; default: $DBT_PROFILES_DIR, this folder, ~/.dbt"
    )
    dbt_manifest: Text = Field(
        "target/manifest.json", description="where ref('model') is looked up, relative to this file"
    )
    role: Text | None = Field(None, description="the role that reads the sources and makes scratch tables, where a session can change its role (PostgreSQL, Snowflake); goes with results.role")
    results: ResultsConfig | None = Field(None, description="the role that writes, as {role: drift_writer}")
    result_schema: Text = Field("drift", description="schema of the result tables and views")
    statement_timeout: Duration | None = Field(None, description="time after which the warehouse cancels a statement, as '10 minutes'; that monitor's run then fails")


class TimestampConfig(Base):
    """The column that places a row in time. A plain string is its name."""

    short = ({"type": "string"},)
    column: Text | None = Field(None, description="name of the column; it is never wrapped in a function")
    time_zone: Zone = Field("UTC", description="the monitor's time zone (IANA name): days begin at its midnight")
    bucket: Window = Field("day", description="the smallest unit of time that is profiled")
    format: Literal["yyyymmdd"] | None = Field(None, description="how an integer or text column writes a date")
    naive: Literal["local", "utc"] = Field(
        "local", description="how a column without zone is read: wall clock in time_zone, or UTC"
    )
    detection_delay: Duration | None = Field(
        None, description="a bucket is due this long after its end; default: once newer rows exist"
    )
    late: int = Field(3, ge=0, description="newest buckets that are looked at again for late rows")
    week_start: Annotated[int, BeforeValidator(week_day)] = Field(0, description="monday ... sunday")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value


class LimitConfig(Base):
    """Limits of one statistic. A limit that is left out comes from the next less specific place."""

    warn: Share | None = Field(None, description="a warning from here on (a number, or a share as 5%)")
    alert: Share | None = Field(None, description="an alert from here on")
    auto: bool | None = Field(
        None, description="raise the limits to the baseline's own noise; default: not for limits given here"
    )


class ThresholdsConfig(Base):
    """``auto``, the name of a preset (its limits, fixed), or a mapping of statistic to limits (null: not judged)."""

    short = ({"type": "string", "description": "auto, or the name of a preset"},)
    preset: str | None = Field(None, alias="(preset)")
    limits: dict[StatisticName, LimitConfig | None] = Field(default_factory=dict, alias="(limits)")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"(preset)": value}
        if not isinstance(value, Mapping):
            raise ValueError("must be auto, the name of a preset, or a mapping such as {psi: {warn: 0.1, alert: 0.25}}")
        return {"(limits)": {k: None if v in (False, "off") else v for k, v in value.items()}}


class RoleConfig(Base):
    """Settings for every column of a role."""

    thresholds: ThresholdsConfig | None = Field(None, description="limits for columns of this role")


class ColumnConfig(Base):
    """A column by ``name``, or columns by ``match``. A plain string is a name, or a pattern if it has * or ?."""

    later = frozenset({"available_after"})
    short = ({"type": "string"},)
    name: Text | None = Field(None, description="a column, or the name of a new one if there is an expression")
    match: Pattern | None = Field(None, description="a pattern with * and ?, or /a regular expression/")
    kind: Kind | None = Field(None, description="how it is measured; default: by its data type")
    role: Role | None = Field(None, description="what it is to the model; default: feature")
    expression: Text | None = Field(None, description="one SQL expression over the relation's columns")
    store_values: bool | None = Field(
        None, description="store its values; default: true, but false for identifiers and text; a segment's values are its names and are always stored"
    )
    thresholds: ThresholdsConfig | None = Field(None, description="limits for this column or these columns")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"match" if any(c in value for c in "*?") else "name": value}
        return value

    @property
    def label(self) -> str:
        return self.name or self.match or "?"


class ModelConfig(Base):
    """A model's columns in the relation: how well it performs is measured and judged window by window."""

    later = frozenset({"score", "available_after"})
    label: Text = Field(description="column of what came true; NULL until it is known")
    prediction: Text = Field(description="column of what the model said")
    task: Literal["classification", "regression"] = Field(description="classification (two classes) or regression")
    positive: Text | None = Field(None, description="the positive class as text; default: true, or 1")


class ColumnsConfig(Base):
    """A list of columns, or patterns of what to include and exclude."""

    short = ({"type": "array", "items": {"$ref": "#/$defs/ColumnConfig"}},)
    listed: tuple[ColumnConfig, ...] | None = Field(None, alias="(list)")
    include: Patterns = Field(("*",), description="columns to watch")
    exclude: Patterns = Field((), description="columns to leave out")
    kinds: dict[Pattern, Kind] = Field(default_factory=dict, description="kinds by pattern")
    overrides: tuple[ColumnConfig, ...] = Field(
        (), description="settings by name or match; the later of two matches wins"
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"(list)": value} if isinstance(value, list) else value

    def items(self) -> Iterator[tuple[Path, ColumnConfig]]:
        """Settings with their path below ``columns``."""
        if self.listed is not None:
            yield from (((i,), item) for i, item in enumerate(self.listed))
        yield from ((("overrides", i), item) for i, item in enumerate(self.overrides))


class SegmentConfig(Base):
    """Rows by the value of a column. A plain string is the column's name."""

    short = ({"type": "string"},)
    column: Text = Field(description="the column whose values make the segments")
    max_values: int = Field(50, ge=1, le=1000, description="values with a segment of their own; the rest is 'other'")
    min_rows: int = Field(0, ge=0, description="smaller segments are not judged")
    alert_on: Texts = Field((), description="values that may alert; all others warn at most")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value


class BaselineConfig(Base):
    """The reference rows: a time range of the monitor's relation, or another relation or query."""

    later = frozenset({"rolling", "lag", "exclude"})
    relation: Text | None = Field(None, description="another table or view")
    query: Text | None = Field(None, description="a SELECT")
    where: Text | None = Field(
        None, description="one SQL expression; default: the monitor's own, unless there is another relation"
    )
    start: Text | None = Field(None, alias="from", description="first instant, in the monitor's zone")
    end: Text | None = Field(None, alias="to", description="first instant that is no longer part of it")


class ComparisonConfig(Base):
    """Windows against the baseline or against the window before."""

    later = frozenset({"every"})
    name: Text = Field(description="part of every result key")
    window: Window = Field("day", description="length of a window; whole buckets")
    against: Literal["baseline", "previous"] = Field("baseline", description="what a window is compared with")
    k_of_n: Annotated[tuple[int, int] | None, BeforeValidator(k_of_n_rule)] = Field(
        None,
        description="alerts needed among the newest windows, as '2 of 3'; default: 2 of 3 for hours and days, else 1 of 1",
    )

    @model_validator(mode="before")
    @classmethod
    def _later(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and isinstance(value.get("against"), Mapping):
            raise ValueError(
                f"against: {{{', '.join(map(str, value['against']))}}} is not in this version yet; use baseline or previous"
            )
        return value


class DatasetConfig(Base):
    """Share of drifted columns at which the whole data set is a warning or an alert."""

    warn: Annotated[Share, Field(le=1)] | None = Field(None, description="a share, as 5% or 0.05")
    alert: Annotated[Share, Field(le=1)] | None = Field(None, description="a share, as 15% or 0.15")


class BudgetConfig(Base):
    """What one run of a monitor may read at most, by the engine's own estimate."""

    bytes: Size | None = Field(None, description="most bytes, as '50 GB' or a whole number; where the warehouse bills by bytes, each statement is also stopped there")
    rows: Annotated[int, Field(gt=0, strict=True)] | None = Field(None, description="most rows, over all scans")
    on_exceed: Literal["refuse", "warn"] = Field("refuse", description="what happens above it: refuse (exit 2, nothing is read) or warn")


class Shared(Base):
    """Keys that a monitor and ``defaults`` have in common."""

    timestamp: TimestampConfig | None = Field(
        None, description="the column that places a row in time; without it a run is a snapshot"
    )
    thresholds: ThresholdsConfig | None = Field(None, description="auto (default), a preset, or limits by statistic")
    roles: dict[Role, RoleConfig] = Field(
        default_factory=dict, description="limits by role: {score: {thresholds: ...}}"
    )
    statistics: Annotated[tuple[StatisticName, ...], BeforeValidator(one_or_many)] | None = Field(
        None, description="statistics to store beside the ones that are judged"
    )
    precision: Precision | None = Field(None, description="certified (default: exact only where it decides) or exact")
    dataset: DatasetConfig | None = Field(
        None, description="when the share of drifted columns is a warning or an alert"
    )
    owner: Text | None = Field(None, description="who is told")
    tags: Texts = Field((), description="for --select tag:X")
    on_alert: OnAlertConfig | None = Field(None, description="what is called when an incident is open")
    adjustment: Adjustment | None = Field(None, description="correction for many tests; default: benjamini_hochberg")
    p_gate: Probability | None = Field(None, description="an effect needs an adjusted p below this; default: 0.01")
    refine_budget: int | None = Field(
        None, ge=0, description="most rows that a run may scan again to be exact; default: no limit"
    )
    budget: BudgetConfig | None = Field(None, description="most bytes or rows that one run may read; default: no limit")


class DefaultsConfig(Shared):
    """What monitors have unless they say otherwise."""


class MonitorConfig(Shared):
    """One relation that is watched."""

    name: Text = Field(description="part of every result key")
    id: Text | None = Field(None, description="by it the history follows the monitor to a new name")
    relation: Text | None = Field(None, description="schema.table; ref('model') or source('name', 'table') with a dbt manifest")
    query: Text | None = Field(None, description="a SELECT, instead of a relation")
    where: Text | None = Field(None, description="one SQL expression; other rows are not looked at")
    columns: ColumnsConfig = Field(
        default_factory=lambda: ColumnsConfig.model_validate({}), description="what is watched; default: all columns"
    )
    segments: Annotated[tuple[SegmentConfig, ...], BeforeValidator(one_or_many)] = Field(
        (), description="parts that are watched by themselves"
    )
    model: ModelConfig | None = Field(None, description="the model whose performance is watched")
    baseline: BaselineConfig = Field(description="the reference")
    comparisons: tuple[ComparisonConfig, ...] = Field((), description="default: every bucket against the baseline")


class RetentionConfig(Base):
    """How long results are kept (``vacuum`` deletes older ones)."""

    cells: Duration | None = Field(None, description="profiles' cells, as '35 days'")
    bins: Duration | None = Field(None, description="bins of past windows")
    history: Duration | None = Field(None, description="decisions")


class RootConfig(Base):
    """The file without its monitors, which are validated one by one."""

    version: Literal[1] = Field(description="version of this format")
    project: Text = Field(description="part of every result key; many projects may share a result schema")
    warehouse: WarehouseConfig = Field(description="how the warehouse is reached")
    include: Texts = Field((), description="patterns of files with monitors, relative to this file")
    dbt_monitors: bool = Field(
        False, description="also the monitors that dbt's models and sources declare as meta: {drift: {...}}"
    )
    defaults: DefaultsConfig = Field(
        default_factory=lambda: DefaultsConfig.model_validate({}),
        description="what monitors have unless they say otherwise",
    )
    retention: RetentionConfig = Field(
        default_factory=lambda: RetentionConfig.model_validate({}), description="how long results are kept"
    )
    alerts: AlertsConfig = Field(
        default_factory=lambda: AlertsConfig.model_validate({}), description="who is told of incidents, and how"
    )


class Config(RootConfig):
    """A validated ``drift.yml`` with all included monitors. ``repr`` and ``model_dump_json`` never show a secret."""

    monitors: tuple[MonitorConfig, ...] = Field(description="what is watched")
    _document: Document = PrivateAttr(default_factory=Document)
    _prefix: str = PrivateAttr(default="")

    @property
    def url(self) -> str:
        """The warehouse's URL with its password: for connecting, never for showing."""
        assert self.warehouse.url is not None
        return self.warehouse.url.get_secret_value()

    @property
    def roles(self) -> tuple[str | None, str | None]:
        """The role that reads and the role that writes."""
        return self.warehouse.role, self.warehouse.results.role if self.warehouse.results else None

    def monitor(self, name: str) -> MonitorConfig:
        """Raises UsageError with the nearest name."""
        from warehouse_drift.config.values import nearest
        from warehouse_drift.errors import UsageError

        for monitor in self.monitors:
            if monitor.name == name:
                return monitor
        names = [m.name for m in self.monitors]
        raise UsageError(
            f"There is no monitor {name!r}.", hint=nearest(name, names) or f"Monitors: {', '.join(names)}."
        )

    def path_of(self, monitor: MonitorConfig) -> Path:
        return ("monitors", next(i for i, m in enumerate(self.monitors) if m.name == monitor.name))

    def place(self, path: Path) -> tuple[str, int]:
        """(file as the user can open it, line) of a path such as ('monitors', 0, 'where')."""
        file, line = self._document.place(path)
        return f"{self._prefix}{file}", line

    def source(self, path: Path) -> str:
        """``drift.yml:12``, relative to the folder of the configuration: the same on every machine."""
        file, line = self._document.place(path)
        return f"{file}:{line}"

    def written(self, path: Path) -> str:
        """A scalar as the configuration has it, before dbt's names are looked up; empty for what is not written."""
        return self._document.text.get(path, "")
