"""The schema as it is made: migrations add up to the definition, views have the contract's columns, versions are kept."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
import sqlglot

from warehouse_drift.errors import DriftError, SchemaVersionError
from warehouse_drift.resources import root
from warehouse_drift.results import migrate, read
from warehouse_drift.results.place import prefix_in, schema_name
from warehouse_drift.results.reference import reference
from warehouse_drift.results.tables import TABLES
from warehouse_drift.results.views import BY_NAME, PUBLIC, VIEWS
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.warehouse.connect import open_warehouse

HISTORY = (
    "project, monitor, comparison, comparison_kind, window_start, window_end, window_date, time_zone, granularity, is_complete, reference_start, "
    "reference_end, baseline_version, grid_id, segment, segment_column, segment_value, column_name, column_kind, role, owner, statistic, value, "
    "value_lower, value_upper, precision, p_value, p_value_adjusted, n_reference, n_current, warn_threshold, alert_threshold, threshold_source, "
    "decision, severity, reason_code, reason, run_id, decided_at, config_hash, row_key"
)
GRAIN = "project, monitor, comparison, window_start, window_end, baseline_version, segment, column_name, statistic"
CONTRACT = {
    "drift_history": HISTORY,
    "drift_latest": HISTORY,
    "drift_alerts": "incident_id, opened_at, last_seen_at, resolved_at, peak_value, state, project, monitor, comparison, segment, column_name, "
    "statistic, severity, windows, first_reason",
    "monitor_status": "project, monitor, last_window_start, last_window_end, stale, ok_count, warn_count, alert_count, none_count",
    "drift_bins": f"{GRAIN}, bin_index, bin_label, bin_lower, bin_upper, share_reference, share_current, contribution",
    "drift_series": f"{GRAIN}, value, training_count, training_mean, training_stddev, z_score, band_lower, band_upper, series_decision",
    "profile_history": "project, monitor, bucket_start, bucket_end, window_date, segment, column_name, column_kind, row_count, null_count, "
    "nan_count, zero_count, distinct_count, mean, stddev, min_value, max_value, p05, p25, p50, p75, p95, top_values",
    "drift_wide": "project, monitor, comparison, window_start, segment, column_name, decision, psi, ks, missing_rate_change, row_count",
    "drift_calendar": "project, monitor, comparison, window_date, calendar_year, calendar_month, calendar_day, weekday, alert_columns, decision",
    "databricks_profile_metrics": "window, log_type, logging_table_commit_version, monitor_version, granularity, slice_key, slice_value, column_name, "
    "count, data_type, num_nulls, avg, min, max, stddev, num_zeros, num_nan, min_length, max_length, avg_length, non_null_columns, "
    "frequent_items, median, distinct_count, percent_nan, percent_null, percent_zeros, percent_distinct",
    "databricks_drift_metrics": "window, granularity, monitor_version, slice_key, slice_value, column_name, data_type, window_cmp, drift_type, "
    "count_delta, avg_delta, percent_null_delta, percent_zeros_delta, percent_distinct_delta, non_null_columns_delta, js_distance, ks_test, "
    "wasserstein_distance, population_stability_index, chi_squared_test, tv_distance, l_infinity_distance",
    "bigquery_drift": "input, metric, threshold, value, is_anomaly",
    "snowflake_drift_metric": "event_timestamp, metric_value, count_used, count_unused, metric_name, column_name, segment_column, segment_value",
    "run_history": "run_id, project, monitor, started_at, finished_at, state, units_profiled, rows_scanned, decided, undecided, versions",
}
EXACT = ("drift_history", "drift_latest", "profile_history", "run_history")


def test_every_view_of_the_contract_has_its_columns(results) -> None:
    assert {v.name for v in PUBLIC} == set(CONTRACT)
    for name, listed in CONTRACT.items():
        there = [d[0] for d in results.wh.describe(f"SELECT * FROM drift.{name}", name=name)]
        assert set(listed.split(", ")) <= set(there), name
        if name in EXACT:
            assert there == listed.split(", ")


def test_views_and_their_documentation_agree(results) -> None:
    for view in VIEWS:
        there = tuple(d[0] for d in results.wh.describe(f"SELECT * FROM drift.{view.name}", name="x"))
        assert there == tuple(n for n, _ in view.listed(True)), view.name


def test_doubles_of_the_history_are_doubles(results) -> None:
    types = {r["column_name"]: r["column_type"] for r in results.q("DESCRIBE drift.drift_history")}
    doubles = "value value_lower value_upper p_value p_value_adjusted warn_threshold alert_threshold"
    assert {types[n] for n in doubles.split()} == {"DOUBLE"}
    assert types["window_date"] == "DATE" and types["window_start"] == "TIMESTAMP" and types["is_complete"] == "BOOLEAN"


def test_migrations_add_up_to_the_definition() -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    for m in migrate.migrations():
        for table, columns in m.tables:
            found[table] = list(columns)
        for table, name, kind in m.added:
            found[table].append((name, kind))
    wanted = {t.name: sorted((c.name, c.kind + "!" * c.required) for c in t.columns) for t in TABLES}
    assert {t: sorted(c) for t, c in found.items()} == wanted


def test_create_all_twice_changes_nothing(results) -> None:
    results.decide("r1", 0, "ok")
    before = results.wh.stats.statements
    migrate.create_all(results.wh, "drift")
    assert results.wh.stats.statements - before <= 3
    assert migrate.migrate(results.wh, "drift") == ()
    assert len(results.q("SELECT * FROM drift.drift_history")) == 1
    assert len(results.q("SELECT * FROM drift.wd_migrations")) == migrate.current_version()


def test_another_version_is_refused_politely(results, monkeypatch) -> None:
    results.q("SELECT 1 AS one")
    results.wh.execute("UPDATE drift.wd_migrations SET version = version + 1", name="t")
    with pytest.raises(SchemaVersionError, match="Upgrade warehouse-drift"):
        migrate.create_all(results.wh, "drift")
    with pytest.raises(SchemaVersionError, match="Upgrade warehouse-drift"):
        migrate.migrate(results.wh, "drift")
    results.wh.execute("UPDATE drift.wd_migrations SET version = version - 1", name="t")
    newer = (*migrate.migrations(), migrate.Migration(migrate.current_version() + 1, "owner", added=(("wd_windows", "note", "text"),)))
    monkeypatch.setattr(migrate, "migrations", lambda: newer)
    with pytest.raises(SchemaVersionError, match="Run: warehouse-drift migrate"):
        migrate.create_all(results.wh, "drift")


def test_a_killed_migration_is_run_again(results, monkeypatch) -> None:
    number = migrate.current_version() + 1
    newer = (*migrate.migrations(), migrate.Migration(number, "note", added=(("wd_windows", "note", "text"),)))
    monkeypatch.setattr(migrate, "migrations", lambda: newer)
    results.wh.execute("ALTER TABLE drift.wd_windows ADD COLUMN note VARCHAR", name="the first attempt")
    assert migrate.migrate(results.wh, "drift") == (f"{number:04d}_note",)
    assert migrate.check_version(results.wh, "drift") == number


def test_a_missing_schema_is_a_sentence() -> None:
    with open_warehouse("duckdb:///:memory:") as wh, pytest.raises(SchemaVersionError, match="holds no result tables"):
        migrate.check_version(wh, "drift")


def test_migration_files_are_numbered_without_gaps(tmp_path: Path) -> None:
    (tmp_path / "0002_x.toml").write_text('name = "x"')
    with pytest.raises(SchemaVersionError, match="numbered"):
        migrate.read_migrations(tmp_path)


def test_a_file_named_like_the_schema(tmp_path: Path) -> None:
    """DuckDB calls the catalog of drift.duckdb 'drift': drift.wd_units would be ambiguous."""
    with open_warehouse(f"duckdb:///{tmp_path / 'drift.duckdb'}") as wh:
        migrate.create_all(wh, "drift")
        migrate.create_all(wh, "drift")
        assert str(prefix_in(wh, "drift")) == "drift.drift."
        assert read.status(wh, "drift") == []


def test_views_work_in_an_attached_file(tmp_path: Path) -> None:
    with open_warehouse(f"duckdb:///{tmp_path / 'shop.duckdb'}") as wh:
        migrate.create_all(wh, "drift")
    with duckdb.connect() as c:
        c.execute(f"ATTACH '{tmp_path / 'shop.duckdb'}' AS other (READ_ONLY)")
        for view in PUBLIC:
            assert c.execute(f"SELECT * FROM other.drift.{view.name}").fetchall() == []


def test_comments_are_in_the_database(results) -> None:
    rows = results.q("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'drift_history'")
    assert all(r["comment"] for r in rows) and len(rows) == len(BY_NAME["drift_history"].columns)
    assert all(r["comment"] for r in results.q("SELECT comment FROM duckdb_tables() WHERE table_name LIKE 'wd_%'"))


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_ddl_is_a_script_that_parses(dialect: str) -> None:
    script = migrate.ddl(load_dialect(dialect), "drift")
    trees = sqlglot.parse(script, read=dialect)
    assert len([t for t in trees if isinstance(t, sqlglot.exp.Create)]) == 1 + len(TABLES) + len(VIEWS)
    assert "INSERT INTO drift.wd_migrations" in script
    if dialect == "postgres":
        assert "DOUBLE PRECISION" in script and "EPOCH(" not in script and not re.search(r"\bDOUBLE\)", script)


def test_ddl_makes_the_same_schema_as_create_all(results) -> None:
    with open_warehouse("duckdb:///:memory:") as wh:
        for statement in duckdb.extract_statements(migrate.ddl(wh.dialect, "drift")):
            wh.execute(statement.query, name="ddl")
        assert migrate.check_version(wh, "drift") == migrate.current_version()
        sql = "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() WHERE schema_name = 'drift' ORDER BY ALL"
        assert wh.fetch(sql, name="t") == results.q(sql)


def test_schema_names() -> None:
    duck = load_dialect("duckdb")
    assert str(schema_name("drift", duck)) == "drift"
    assert str(schema_name("shop.drift", duck)) == "shop.drift"
    assert str(schema_name('select"; drop', duck)) == '"select""; drop"'
    assert str(schema_name("select", duck)) == '"select"'
    with pytest.raises(DriftError, match="no name of a schema"):
        schema_name("a..b", duck)


@pytest.mark.parametrize("name", ["My Drift", 'select"; drop table x; --', "order"])
def test_odd_schema_names_work(name: str) -> None:
    with open_warehouse("duckdb:///:memory:") as wh:
        migrate.create_all(wh, name)
        migrate.create_all(wh, name)
        assert read.status(wh, name) == []


def test_the_reference_page_is_current() -> None:
    page = root() / "docs" / "reference" / "result_tables.md"
    assert page.read_text(encoding="utf-8") == reference(), "run: python -m warehouse_drift.results.reference > docs/reference/result_tables.md"
