"""Views that bear a monitor's name: safe names, the exact columns, shared and dropped as the rule says."""

from __future__ import annotations

import sqlglot

from tests.results.conftest import Results
from warehouse_drift.results import migrate
from warehouse_drift.results.monitor_views import make_views, stem, view_names
from warehouse_drift.results.views import BY_NAME
from warehouse_drift.sql.dialect import load_dialect

PROFILE = (
    "window, log_type, logging_table_commit_version, monitor_version, granularity, slice_key, slice_value, column_name, count, data_type, "
    "num_nulls, avg, quantiles, min, max, stddev, num_zeros, num_nan, min_length, max_length, avg_length, non_null_columns, frequent_items, "
    "median, distinct_count, percent_nan, percent_null, percent_zeros, percent_distinct"
)
DRIFT = (
    "window, granularity, monitor_version, slice_key, slice_value, column_name, data_type, window_cmp, drift_type, count_delta, avg_delta, "
    "percent_null_delta, percent_zeros_delta, percent_distinct_delta, non_null_columns_delta, js_distance, ks_test, wasserstein_distance, "
    "population_stability_index, chi_squared_test, tv_distance, l_infinity_distance"
)


def views(results: Results) -> set[str]:
    """The views of the schema that are not made for all monitors together."""
    found = results.q("SELECT view_name FROM duckdb_views() WHERE schema_name = 'drift' AND NOT internal")
    return {r["view_name"] for r in found} - set(BY_NAME)


def test_safe_names() -> None:
    assert view_names("Flights") == ("flights_profile_metrics", "flights_drift_metrics")
    assert stem("shop-orders v2") == "shop_orders_v2" == stem("shop orders.v2")
    assert stem("databricks") == "monitor_databricks" and stem("2024 sales") == "monitor_2024_sales"
    assert stem("日本") != stem("中国") and stem("日本").startswith("monitor_")
    long = [stem("x" * 60 + end) for end in "ab"]
    assert long[0] != long[1] and max(len(f"{s}_profile_metrics") for s in long) <= 63


def test_columns_are_those_of_databricks_in_their_order(results: Results) -> None:
    results.event("r1", "started")
    make_views(results.wh, "drift", ["m"])
    for view, listed in (("m_profile_metrics", PROFILE), ("m_drift_metrics", DRIFT)):
        names = listed.split(", ")
        found = [d[0] for d in results.wh.describe(f"SELECT * FROM drift.{view}", name="test")]
        assert [n for n in found if n not in ("comparison", "project", "monitor")] == names == found[: len(names)]
    types = {r["column_name"]: r["column_type"] for r in results.q("DESCRIBE drift.m_profile_metrics")}
    types |= {r["column_name"]: r["column_type"] for r in results.q("DESCRIBE drift.m_drift_metrics")}
    assert types["quantiles"] == "DOUBLE[]" and types["ks_test"] == 'STRUCT(statistic DOUBLE, pvalue DOUBLE)'
    assert types["window"] == types["window_cmp"] == 'STRUCT("start" TIMESTAMP, "end" TIMESTAMP)'


def test_a_view_holds_its_monitor_only_and_stays(results: Results) -> None:
    for monitor in ("m", "other one", "M"):
        results.event("r1", "started", monitor=monitor)
        results.decide("r1", 0, "ok", 0.2, monitor=monitor)
    results.wh.execute("DROP VIEW IF EXISTS drift.m_drift_metrics", name="test")
    migrate.migrate(results.wh, "drift")
    assert views(results) == {*view_names("m"), *view_names("other one")}
    one = results.q("SELECT monitor, population_stability_index AS psi FROM drift.other_one_drift_metrics")
    assert one == [{"monitor": "other one", "psi": 0.2}]
    assert {r["monitor"] for r in results.q("SELECT monitor FROM drift.m_drift_metrics")} == {"m", "M"}


def test_views_of_a_name_that_nothing_bears_go(results: Results) -> None:
    results.event("r1", "started", monitor="old")
    make_views(results.wh, "drift")
    assert views(results) == set(view_names("old"))
    results.wh.execute("UPDATE drift.wd_run_events SET monitor = 'new'", name="test")
    make_views(results.wh, "drift", ["old", "new"])
    assert views(results) == set(view_names("new"))


def test_the_dba_gets_them_too() -> None:
    script = migrate.ddl(load_dialect("postgres"), "drift", [("p", "it's"), ("p", "m")])
    made = [t.this.sql() for t in sqlglot.parse(script, read="postgres") if isinstance(t, sqlglot.exp.Create)]
    assert {f"drift.{v}" for m in ("it's", "m") for v in view_names(m)} <= set(made)
    assert "'it''s'" in script
