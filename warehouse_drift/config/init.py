"""A first ``drift.yml`` for a relation, with a comment for every guess. Pure: it gets columns and plain statistics."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from warehouse_drift.config.resolved import KINDS, Kind, Role, SourceColumn

Value = str | int | float | bool | date | datetime | None

_ROLES: tuple[tuple[re.Pattern[str], Role, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), role, why)
    for pattern, role, why in (
        (r"(^|_)(id|uuid|guid|key|hash)$", Role.IDENTIFIER, "its name ends like a key"),
        (r"(^|_)(score|proba|probability)(_|$)", Role.SCORE, "its name says score"),
        (r"(^|_)(pred|prediction|predicted|yhat|y_pred)(_|$)", Role.PREDICTION, "its name says prediction"),
        (r"(^|_)(label|target|ground_truth|y_true)$", Role.LABEL, "its name says label"),
    )
)
_PERSONAL = re.compile(
    r"(^|_)(e?mail|phone|mobile|first_?name|last_?name|surname|full_?name|birth\w*|dob|ssn|iban|passport|street|address|"
    r"postcode|zip(_?code)?|ip(_?address)?|latitude|longitude|lat|lon|lng|card_?number|tax_?id)(_|$)",
    re.IGNORECASE,
)
_EVENT_TIME = re.compile(
    r"(event|scored|created|occurred|recorded|inserted|order|transaction|timestamp|_at$|^ts$|^ds$|_ts$|date|time)",
    re.IGNORECASE,
)
_TIMES = ("timestamptz", "timestamp", "date")
_SEGMENT_VALUES = (2, 20)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off")


@dataclass(frozen=True, slots=True)
class ColumnStats:
    """What is known of a column; None where it was not asked for."""

    rows: int | None = None
    distinct: int | None = None
    nulls: int | None = None
    minimum: Value = None
    maximum: Value = None


def propose(
    columns: Sequence[SourceColumn],
    stats: Mapping[str, ColumnStats] | None = None,
    *,
    relation: str = "schema.table",
    url: str = "duckdb:///shop.duckdb",
    project: str = "my_project",
    monitor: str | None = None,
    query: bool = False,
) -> str:
    """The text of a ``drift.yml`` that loads. ``url`` is written as it stands: pass one with ``${PASSWORD}``.
    ``query``: ``relation`` is a SELECT."""
    stats = stats or {}
    time = _timestamp(columns, stats)
    lines = [
        "# Proposed by warehouse-drift init. Every guess says why; change what is wrong, then run: warehouse-drift check",
        "version: 1",
        f"project: {quoted(project)}  # part of every result key",
        "warehouse:",
        f"  url: {quoted(url, variables=True)}",
        "  result_schema: drift  # result tables and views are made here; nothing else is written",
        "defaults:",
        "  thresholds: auto  # psi 0.1 / 0.25 and so on, raised to the baseline's own noise",
        "monitors:",
        f"  - name: {quoted(monitor or relation.split('.')[-1])}",
        f"    {'query' if query else 'relation'}: {quoted(relation)}",
        *_timestamp_lines(columns, time, stats),
        "    columns:",
    ]
    segments = []
    for column in columns:
        if time and column.name == time.name:
            continue
        lines.append(_column_line(column, stats.get(column.name, ColumnStats())))
        if _is_segment(column, stats.get(column.name, ColumnStats())):
            segments.append(column)
    if segments:
        lines.append("    segments:  # few values, so each can be watched by itself; keep those that people act on")
        for column in segments[:2]:
            lines.append(f"      - {quoted(column.name)}  # {stats[column.name].distinct} values")
    lines += _baseline_lines(time, stats, f"{'query' if query else 'relation'}: {quoted(relation)}")
    lines += ["    dataset: {warn: 5%, alert: 15%}  # share of drifted columns", ""]
    return "\n".join(lines)


def _timestamp(columns: Sequence[SourceColumn], stats: Mapping[str, ColumnStats]) -> SourceColumn | None:
    """The most likely event time: a time type, a telling name, few nulls; earlier columns win ties."""

    def weight(column: SourceColumn) -> tuple[bool, bool, int]:
        nulls = stats.get(column.name, ColumnStats()).nulls or 0
        return (nulls == 0, bool(_EVENT_TIME.search(column.name)), -_TIMES.index(column.type_family))

    times = [c for c in columns if c.type_family in _TIMES and not _PERSONAL.search(c.name)]
    if times:
        return max(times, key=weight)
    return next((c for c in columns if _yyyymmdd(c, stats)), None)


def _timestamp_lines(
    columns: Sequence[SourceColumn], time: SourceColumn | None, stats: Mapping[str, ColumnStats]
) -> list[str]:
    if time is None:
        return ["    # timestamp: ...  # no date or timestamp column was found; with one, add it here"]
    if time.type_family not in _TIMES:
        return [
            "    timestamp:",
            f"      column: {quoted(time.name)}  # {comment(time.data_type)} whose first and last values read as dates",
            "      format: yyyymmdd",
            "      time_zone: UTC  # whose dates these are: set yours, as Europe/Berlin",
            "      bucket: day",
        ]
    others = [c.name for c in columns if c.type_family in _TIMES and c.name != time.name]
    also = f"; others: {comment(', '.join(others[:4]))}" if others else ""
    zone = "" if time.type_family == "timestamptz" else ", read as wall clock in that zone"
    return [
        "    timestamp:",
        f"      column: {quoted(time.name)}  # {comment(time.data_type)}, few nulls and a telling name{also}",
        f"      time_zone: UTC  # days begin at this zone's midnight{zone}: set yours, as Europe/Berlin",
        "      bucket: day",
    ]


def _yyyymmdd(column: SourceColumn, stats: Mapping[str, ColumnStats]) -> bool:
    known = stats.get(column.name, ColumnStats())
    return column.type_family in ("integer", "text") and all(
        re.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])", str(v)) for v in (known.minimum, known.maximum)
    )


def _column_line(column: SourceColumn, stats: ColumnStats) -> str:
    """``- {name: x, ...}  # why``, or a commented line for a type that cannot be measured."""
    name = quoted(column.name)
    if column.type_family not in KINDS:
        return f"      # - {comment(name)}  # {comment(column.data_type)}: only missing values can be watched; a part of it in an expression"
    role, why_role = next(((r, why) for p, r, why in _ROLES if p.search(column.name)), (None, ""))
    kind, why_kind = KINDS[column.type_family], f"{comment(column.data_type)}"
    settings: list[str] = []
    reasons = [why_kind + (", by its length" if column.type_family == "array" else "")]
    if (
        role is None
        and kind is Kind.NUMERIC
        and column.type_family == "integer"
        and {stats.minimum, stats.maximum} == {0, 1}
    ):
        settings.append("kind: boolean")
        reasons.append("only 0 and 1")
    elif role is None and kind is Kind.CATEGORICAL and _unique_text(stats):
        settings.append("kind: text")
        reasons.append("almost every value is different, so only its missing rate is watched")
    if role is not None:
        settings.append(f"role: {role.value}")
        reasons.append(why_role)
    if _PERSONAL.search(column.name):
        settings.append("store_values: false")
        reasons.append("likely personal data, so no value is stored")
    if stats.distinct == 1:
        reasons.append("a single value so far")
    if stats.rows and stats.nulls:
        reasons.append(f"{stats.nulls / stats.rows:.1%} nulls")
    written = f"{{name: {name}, {', '.join(settings)}}}" if settings else name
    return f"      - {written}  # {', '.join(reasons)}"


def _unique_text(stats: ColumnStats) -> bool:
    filled = (stats.rows or 0) - (stats.nulls or 0)
    return stats.distinct is not None and filled >= 1000 and stats.distinct > 0.5 * filled


def _is_segment(column: SourceColumn, stats: ColumnStats) -> bool:
    few = stats.distinct is not None and _SEGMENT_VALUES[0] <= stats.distinct <= _SEGMENT_VALUES[1]
    private = _PERSONAL.search(column.name) or any(p.search(column.name) for p, _, _ in _ROLES)
    return few and column.type_family == "text" and not private


def _baseline_lines(time: SourceColumn | None, stats: Mapping[str, ColumnStats], itself: str) -> list[str]:
    if time is None:
        return [
            "    # CHANGE THIS: no timestamp was found, so the reference must be a table of its own, of rows that you trust.",
            "    # As it stands the relation is compared with itself, and nothing can ever be found.",
            f"    baseline: {{{itself}}}",
        ]
    known = stats.get(time.name, ColumnStats())
    first, last = (_day(v) for v in (known.minimum, known.maximum))
    if first is None or last is None:
        return [
            "    baseline: {from: 2025-01-01, to: 2025-04-01}  # a guess without data: rows that you trust; to is exclusive",
            "    comparisons: [{name: daily, window: day, against: baseline}]",
        ]
    if last.year >= 9999:
        last = first  # a date that stands for "never": its distance says nothing
    days = (last - first).days + 1
    length = max(1, min(90, days // 3))
    end = first + timedelta(days=length)
    why = f"the first {length} of {days} days; choose days that you trust, to is exclusive"
    window = "day" if days < 200 else "week"
    return [
        f"    baseline: {{from: {first.isoformat()}, to: {end.isoformat()}}}  # {why}",
        f"    comparisons: [{{name: {'daily' if window == 'day' else 'weekly'}, window: {window}, against: baseline}}]",
    ]


def _day(value: Value) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value)[:10]
    if re.fullmatch(r"\d{8}", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def quoted(text: str, *, variables: bool = False) -> str:
    """A YAML scalar that reads back as ``text``: plain if it is a word, else in double quotes (which are JSON's)."""
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text if variables else text.replace("${", "$${"))


def comment(text: str) -> str:
    """Text for a comment: one line."""
    return " ".join(text.split())
