"""Awkward types on every engine: counts, NULLs, extremes and distances against plain Python; what cannot be measured is
refused by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup
from scipy import stats

from integration.engines import Engine, quoted
from warehouse_drift import api
from warehouse_drift.config.resolved import Kind
from warehouse_drift.pipeline.compare import column_sql
from warehouse_drift.pipeline.grids import NumericColumn, Slice
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.values import read_values
from warehouse_drift.sql.expressions import relation
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

Texts = Sequence[str | None]


def whole(bits: int) -> tuple[str, ...]:
    top = 2 ** (bits - 1)
    return str(-top), str(top - 1), "0", "-1", "17", "17", "42"


NUMBERS: dict[str, Texts] = {
    "int8": whole(8), "int16": whole(16), "int32": whole(32), "int64": whole(64),
    "money": ("0.10", "-99999999.99", "99999999.99", "0.30", "0.20", "0.10", "7.00"),
    "wide": ("12345678901234567890123456.0123456789", "-12345678901234567890123456.0123456789", "0.0000000001", "1", "2", "2", "3"),
    "float32": ("0.1", "-3.4e38", "3.4e38", "nan", "inf", "-inf", "1e-30"),
    "float64": ("0.1", "-1e300", "1e300", "nan", "inf", "-inf", "5e-324"),
}  # fmt: skip
MOMENTS: dict[str, Texts] = {
    "day": ("1900-01-01", "2025-03-30", "1970-01-01", "2199-12-31", "2024-02-29", "2024-02-29", "1969-12-31"),
    "wall": ("1901-01-01 00:00:00.000001", "2025-03-30 02:30:00", "1970-01-01 00:00:00", "2199-12-31 23:59:59.999999",
             "2024-02-29 12:00:00", "2024-02-29 12:00:00", "1969-12-31 23:59:59"),
    "instant": ("2025-03-30 02:30:00+02:00", "2025-03-30 00:30:00+00:00", "1970-01-01 00:00:00+00:00",
                "2100-12-31 23:59:59+00:00", "2024-02-29 12:00:00-05:30", "2025-10-26 02:30:00+02:00", "2025-10-26 02:30:00+01:00"),
}  # fmt: skip
WORDS: dict[str, Texts] = {
    "flag": ("true", "false", "true", "true", "false", "true", "true"),
    "words": ("", " ", "é", "é", "A", "a", "x" * 10_000),
    "marks": ("ß", "ss", "a'b", "NULL", "日本", "🦆", "%s"),
}  # fmt: skip
COMMON = {
    "int8": "SMALLINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "money": "DECIMAL(10, 2)", "wide": "DECIMAL(38, 10)",
    "float32": "REAL", "float64": "DOUBLE PRECISION", "day": "DATE", "wall": "TIMESTAMP", "instant": "TIMESTAMP WITH TIME ZONE",
    "flag": "BOOLEAN", "words": "VARCHAR", "marks": "VARCHAR",
}  # fmt: skip
SPARK = COMMON | {
    "int8": "TINYINT", "float32": "FLOAT", "float64": "DOUBLE", "wall": "TIMESTAMP_NTZ", "instant": "TIMESTAMP", "words": "STRING", "marks": "STRING",
}  # fmt: skip
TYPES: dict[str, dict[str, str]] = {
    "duckdb": COMMON | {"int8": "TINYINT"},
    "postgres": COMMON,
    "clickhouse": {
        "int8": "Int8", "int16": "Int16", "int32": "Int32", "int64": "Int64", "money": "Decimal(10, 2)", "wide": "Decimal(38, 10)",
        "float32": "Float32", "float64": "Float64", "day": "Date32", "wall": "DateTime64(6)", "instant": "DateTime64(6, 'Europe/Berlin')",
        "flag": "Bool", "words": "String", "marks": "String",
    },
    "spark": SPARK,
    "snowflake": COMMON | {"float32": "FLOAT", "float64": "DOUBLE", "wall": "TIMESTAMP_NTZ", "instant": "TIMESTAMP_TZ"},
    "bigquery": {
        "int8": "INT64", "int16": "INT64", "int32": "INT64", "int64": "INT64", "money": "NUMERIC", "wide": "BIGNUMERIC",
        "float32": "FLOAT64", "float64": "FLOAT64", "day": "DATE", "wall": "DATETIME", "instant": "TIMESTAMP", "flag": "BOOL",
        "words": "STRING", "marks": "STRING",
    },
}  # fmt: skip
LENGTHS = (2, 0, 5, 1, 1, 3, 0)
LISTS = {"duckdb": "INTEGER[]", "postgres": "INTEGER[]", "clickhouse": "Array(Int32)", "spark": "ARRAY<INT>", "bigquery": "ARRAY<INT64>"}
"""Types of a column of arrays, which is measured by their lengths."""
ONLY_MISSING: dict[str, dict[str, str]] = {
    "duckdb": {"struct": "{'a': 1}", "map": "MAP {'a': 1}", "json": "CAST('{}' AS JSON)", "bytes": "CAST('a' AS BLOB)", "clock": "TIME '01:02:03'"},
    "postgres": {"json": "CAST('{}' AS JSONB)", "bytes": "CAST('a' AS BYTEA)", "clock": "TIME '01:02:03'", "span": "INTERVAL '1 day'"},
    "clickhouse": {"struct": "tuple(1, 'a')", "map": "map('a', 1)"},
    "spark": {"struct": "NAMED_STRUCT('a', 1)", "map": "MAP('a', 1)", "bytes": "CAST('a' AS BINARY)"},
    "snowflake": {"struct": "OBJECT_CONSTRUCT('a', 1)", "json": "PARSE_JSON('{}')"},
    "bigquery": {"struct": "STRUCT(1 AS a)", "json": "JSON '{}'", "bytes": "b'a'"},
}  # fmt: skip
"""Columns without a measure: a value in every other row, where the engine has NULL for the type."""
NEVER_NULL = {"clickhouse"}
MARK = {"spark": "`", "bigquery": "`"}
HEADS = {"clickhouse": "CREATE TABLE {} ENGINE = MergeTree ORDER BY tuple() AS ", "spark": "CREATE TEMPORARY VIEW {} AS "}
SIDES = {"types_ref": (0, 1, 2, 3, 4, 5, 6, None, None), "types_cur": (1, 2, 3, 3, 4, 5, 6, 0, None)}
"""Rows of each side: places in a column's list of values; None is NULL."""


def literal(text: str, engine: str) -> str:
    escaped = text if engine in ("duckdb", "postgres", "snowflake") else text.replace("\\", "\\\\")
    return "'" + escaped.replace("'", "\\'" if engine in ("spark", "bigquery") else "''") + "'"


def value(name: str, text: str | None, engine: str) -> str:
    kind = TYPES[engine][name]
    if text is None:
        return f"CAST(NULL AS {f'Nullable({kind})' if engine == 'clickhouse' else kind})"
    if engine == "clickhouse":
        if name == "instant":  # the cast of a text knows no offset
            return f"CAST(parseDateTime64BestEffort({literal(text, engine)}, 6, 'Europe/Berlin') AS Nullable({kind}))"
        return f"CAST({literal(text, engine)} AS Nullable({kind}))"
    if engine == "bigquery" and name in ("words", "marks"):
        return literal(text, engine)
    return f"CAST({literal(text, engine)} AS {kind})"


def array(engine: str, place: int | None) -> str:
    """An array of the place's length; NULL, or an empty one where arrays are never NULL."""
    if place is None and engine not in NEVER_NULL:
        return f"CAST(NULL AS {LISTS[engine]})"
    items = ", ".join(["7"] * (0 if place is None else LENGTHS[place]))
    left, right = {"postgres": ("ARRAY[", "]"), "spark": ("ARRAY(", ")")}.get(engine, ("[", "]"))
    return f"CAST({left}{items}{right} AS {LISTS[engine]})"


def create(warehouse: Warehouse, engine: Engine) -> None:
    mark, listed = MARK.get(engine.name, '"'), NUMBERS | MOMENTS | WORDS
    for table, places in SIDES.items():
        rows = []
        for place in places:
            parts = [f"{value(n, None if place is None else texts[place], engine.name)} AS {quoted(n, mark)}" for n, texts in listed.items()]
            parts += [
                f"{sql if len(rows) % 2 or engine.name in NEVER_NULL else 'NULL'} AS {quoted(n, mark)}"
                for n, sql in ONLY_MISSING[engine.name].items()
            ]
            if engine.name in LISTS:
                parts.append(f"{array(engine.name, place)} AS {quoted('list', mark)}")
            rows.append("SELECT " + ", ".join(parts))
        head = HEADS.get(engine.name, "CREATE TABLE {} AS ").format(engine.place + table)
        warehouse.execute(head + " UNION ALL ".join(rows), name="test")


def number(name: str, text: str) -> float:
    if name in MOMENTS:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
        return (at - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds()
    return float(np.float32(text)) if name == "float32" else float(Decimal(text))


def oracle(engine: str, name: str, side: str) -> list[float]:
    """Values without NULL and NaN; a 32-bit column on an engine without such a type holds what it is given."""
    plain = TYPES[engine][name] in ("FLOAT64", "FLOAT") and engine != "spark"
    all_texts = (NUMBERS | MOMENTS)[name]
    found = [float(t) if plain else number(name, t) for p in SIDES[side] if p is not None and (t := all_texts[p]) is not None]
    return [v for v in found if not math.isnan(v)]


@pytest.fixture(scope="session")
def typed(engines: Callable[[str], Engine]) -> Callable[[str], dict[tuple[str, str], dict[str, Any]]]:
    """typed(engine): (column, statistic) -> row of an exact comparison; the tables stay."""

    @cache
    def get(name: str) -> dict[tuple[str, str], dict[str, Any]]:
        engine = engines(name)
        with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
            create(warehouse, engine)
        tables = (engine.place + t for t in SIDES)
        result = api.compare(
            engine.url, *tables, precision="exact", connect_args=engine.connect_args,
            statistics=["ks", "wasserstein", "total_variation", "missing_rate"],
        )  # fmt: skip
        return {(r["column_name"], r["statistic"]): r for r in result.rows}

    return get


@pytest.mark.slow
def test_counts_and_distances(engine_name: str, typed: Callable[[str], dict[tuple[str, str], dict[str, Any]]]) -> None:
    rows = typed(engine_name)
    wrong = []
    for name in (*NUMBERS, *MOMENTS):
        x, y = (oracle(engine_name, name, side) for side in SIDES)
        row, missing = rows[name, "ks"], rows[name, "missing_rate"]
        right = float(stats.ks_2samp(x, y).statistic)
        if (row["n_reference"], row["n_current"]) != (len(x), len(y)):
            wrong.append(f"{name}: {row['n_reference']} and {row['n_current']} values, should be {len(x)} and {len(y)}")
        if row["value"] is None or abs(row["value"] - right) > 1e-9:
            wrong.append(f"{name} ks: {row['value']} ({row['reason_code']}), should be {right}")
        gone = 1 - len(y) / len(SIDES["types_cur"])  # NaN is as good as missing
        if not math.isclose(missing["value"], gone, abs_tol=1e-12):
            wrong.append(f"{name} missing_rate: {missing['value']}")
        area = rows[name, "wasserstein"]
        if np.isfinite([*x, *y]).all():
            right = float(stats.wasserstein_distance(x, y))
            if area["value"] is None or not math.isclose(area["value"], right, rel_tol=1e-9):
                wrong.append(f"{name} wasserstein: {area['value']} ({area['reason_code']}), should be {right}")
        elif area["reason_code"] != "infinite_values":
            wrong.append(f"{name} wasserstein: {area['reason_code']}, should be infinite_values")
    for name, texts in WORDS.items():
        x, y = ([texts[p] for p in places if p is not None] for places in SIDES.values())
        row = rows[name, "total_variation"]
        right = sum(abs(x.count(v) / len(x) - y.count(v) / len(y)) for v in set(x + y)) / 2
        if (row["n_reference"], row["n_current"]) != (len(x), len(y)) or row["value"] is None or abs(row["value"] - right) > 1e-9:
            wrong.append(f"{name}: {row['value']} of {row['n_reference']} and {row['n_current']}, should be {right}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_least_and_greatest(
    engine_name: str, engines: Callable[[str], Engine], typed: Callable[[str], dict[tuple[str, str], dict[str, Any]]]
) -> None:
    """As doubles: the nearest one to the value, also of a decimal with 36 digits and of the largest integer."""
    typed(engine_name)
    engine = engines(engine_name)
    names = [*NUMBERS, *MOMENTS]
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse, Session(warehouse) as session:
        columns = [
            NumericColumn(i, n, column_sql(n, Kind.DATETIME if n in MOMENTS else Kind.NUMERIC), n.startswith("float"), n.startswith("int"))
            for i, n in enumerate(names)
        ]
        sides = [Slice(Markup(relation(engine.place + t, warehouse.dialect))) for t in SIDES]
        facts = read_values(session, columns, [], *sides).facts
    wrong = []
    for i, name in enumerate(names):
        finite = [v for v in oracle(engine_name, name, "types_ref") if math.isfinite(v)]
        for what, right in (("min_r", min(finite)), ("max_r", max(finite))):
            found = float(facts[0, i][what])
            if found != right and (math.isfinite(found) or not name.startswith("float")):
                wrong.append(f"{name} {what}: {found!r}, should be {right!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.needs("arrays")
def test_arrays_are_measured_by_their_length(
    engine_name: str, engines: Callable[[str], Engine], typed: Callable[[str], dict[tuple[str, str], dict[str, Any]]]
) -> None:
    if engine_name not in LISTS:  # a table of its own, for what may not work
        engine = engines(engine_name)
        with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
            warehouse.execute(f"CREATE TABLE {engine.place}lists AS SELECT ARRAY_CONSTRUCT(1, 2) AS list", name="test")
        found = api.compare(engine.url, *[f"{engine.place}lists"] * 2, connect_args=engine.connect_args).rows
        assert {r["column_kind"] for r in found} == {"numeric"}
        return
    rows = typed(engine_name)
    empty = [0] if engine_name in NEVER_NULL else []
    x, y = ([n for p in places for n in ([LENGTHS[p]] if p is not None else empty)] for places in SIDES.values())
    assert (rows["list", "ks"]["n_reference"], rows["list", "ks"]["n_current"]) == (len(x), len(y))
    assert rows["list", "ks"]["value"] == pytest.approx(float(stats.ks_2samp(x, y).statistic), abs=1e-9)
    assert rows["list", "wasserstein"]["value"] == pytest.approx(float(stats.wasserstein_distance(x, y)), rel=1e-9)
    assert rows["list", "missing_rate"]["value"] == pytest.approx(1 - len(y) / len(SIDES["types_cur"]), abs=1e-12)


@pytest.mark.slow
def test_of_what_has_no_measure_missing_values_are_told(
    engine_name: str, typed: Callable[[str], dict[tuple[str, str], dict[str, Any]]]
) -> None:
    rows = typed(engine_name)
    gone = 0.0 if engine_name in NEVER_NULL else 5 / 9
    for name in ONLY_MISSING[engine_name]:
        found = {statistic: r["value"] for (column, statistic), r in rows.items() if column == name}
        assert found == {"missing_rate": pytest.approx(gone, abs=1e-12)}, name
