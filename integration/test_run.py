"""The monitor flow on every engine: grids, incremental profiles, metrics, publishing, views, a second run."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from integration.cases import columns_of, days
from integration.engines import ENGINES, Engine, start
from tests.results.conftest import Results
from warehouse_drift import verbs_run
from warehouse_drift.errors import DialectError
from warehouse_drift.resources import root
from warehouse_drift.results import migrate, vacuum, write
from warehouse_drift.results import read as results_read
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

BASE, DAYS = 14, 21
VIEWS = (
    "drift_history",
    "drift_latest",
    "drift_bins",
    "profile_history",
    "drift_alerts",
    "drift_series",
    "monitor_status",
)
OWN = {"run_id", "decided_at", "config_hash", "last_run_id", "last_run_started_at", "last_run_finished_at"}
Views = dict[str, list[dict[str, Any]]]
ODD = 'k"; drop table x; -- é.'.ljust(62, "_")  # 63 bytes, the longest name of PostgreSQL
LONG = "c".ljust(255, "_")


def names(engine: str) -> dict[str, str]:
    """What the columns of ``days`` are called on an engine: its own case, reserved words, signs, and the longest names."""
    row = ENGINES[engine]
    odd = ODD.replace('"', "").replace(".", "") if row.get("no_names") else ODD
    return {
        "ts": "order", "seg": "group", "x": "AMOUNT_OF_X" if engine == "snowflake" else "x", "k": odd,
        "c": LONG[: row.get("longest", 255)],
    }  # fmt: skip


def table_of(engine: Engine, rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    called = names(engine.name)
    return {called[n]: values for n, values in columns_of(rows).items()}


def written(folder: Path, engine: Engine, table: str) -> str:
    """A drift.yml with one monitor on ``table``, whose results go to a schema of their own."""
    called = {n: name.swapcase() for n, name in names(engine.name).items()}  # the case is the warehouse's affair
    monitor = {
        "name": "m",
        "relation": f"{engine.place}{table}",
        "timestamp": {"column": called["ts"], "late": 0},
        "columns": [called["x"], called["k"], called["c"]],
        "segments": [called["seg"]],
        "baseline": {"from": "2025-03-03", "to": "2025-03-17"},
        "comparisons": [{"name": "daily", "window": "day"}],
        "statistics": ["ks", "wasserstein", "chi_squared", "mann_whitney", "cramer_von_mises", "anderson_darling", "energy_distance", "welch_t"],
    }
    root = {
        "version": 1,
        "project": "p",
        "warehouse": {"url": engine.url, "result_schema": f"res_{table}"},
        "monitors": [monitor],
    }
    path = folder / "drift.yml"
    path.write_text(json.dumps(root), encoding="utf-8")
    return str(path)


def read(engine: Engine, schema: str) -> Views:
    """Every public view, in an order that does not depend on the engine, with the plain names of the columns."""
    found = {}
    called = {name: n for n, name in names(engine.name).items() if len(name) > 10}

    def plain(value: Any) -> Any:
        for name, n in called.items() if isinstance(value, str) else ():
            value = value.replace(name, n)
        return value

    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        for view in VIEWS:
            rows = warehouse.fetch(f"SELECT * FROM {schema}.{view} WHERE project = 'p'", name=view)
            kept = [{k: plain(v) for k, v in r.items() if k not in OWN} for r in rows]
            keys = sorted(k for k in (kept[0] if kept else {}) if k in KEYS)
            found[view] = sorted(kept, key=lambda r, keys=keys: [str(r[k]) for k in keys])
    return found


KEYS = {
    "monitor", "comparison", "window_start", "bucket_start", "segment", "column_name", "statistic", "bin_index", "opened_at",
}  # fmt: skip


def flow(engine: Engine, folder: Path, table: str) -> tuple[Views, Views]:
    """Views after a first run over two thirds of the days, and after a second one over all of them."""
    rows = [*days(0, BASE), *days(BASE, DAYS, shift=1.0)]
    yml = written(folder, engine, table)
    both = []
    for upto in (18, DAYS):
        some = [r for r in rows if (r["ts"] - rows[0]["ts"].replace(hour=0, minute=0, second=0)).days < upto]
        engine.load({table: table_of(engine, some)})
        done = verbs_run.run(yml)
        assert not done.failed, [str(m.failed) for m in done.failed]
        both.append(read(engine, f"res_{table}"))
    return both[0], both[1]


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Views, Views]]:
    """The same flow on the embedded engine."""
    engine = start("duckdb")
    yield flow(engine, tmp_path_factory.mktemp("expected"), "flow")
    engine.close()


@pytest.fixture(scope="session")
def flowed(
    engines: Callable[[str], Engine], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Views, Views]]:
    done: dict[str, tuple[Views, Views]] = {}

    def get(name: str) -> tuple[Views, Views]:
        if name not in done:
            done[name] = flow(engines(name), tmp_path_factory.mktemp(name), "flow")
        return done[name]

    return get


def same(a: Any, b: Any) -> bool:
    if isinstance(b, bool):
        return bool(a == b)  # a comparison is 0 or 1 on an engine without booleans of its own
    if isinstance(b, (float, int)) and not isinstance(b, bool) and a is not None:
        return math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(a, str) and isinstance(b, str) and a.startswith(("[{", '{"')):
        return bool(json.loads(a) == json.loads(b))
    return str(a) == str(b)


def test_the_monitor_flow(
    engine_name: str, flowed: Callable[[str], tuple[Views, Views]], expected: tuple[Views, Views]
) -> None:
    """Every public view after each of two runs is what the embedded engine gives. Where the table's name needs its place
    in front, or a column has another name, hashes over the name differ."""
    placed, usual = ENGINES[engine_name].get("placed"), names("duckdb")
    other = {n for n, name in names(engine_name).items() if name != usual[n]}

    def hashes(row: dict[str, Any]) -> set[str]:
        if placed:
            return {"baseline_version", "row_key", "grid_id"}
        return {"row_key", "grid_id"} if row.get("column_name") in other else set()

    for turn, (ours, theirs) in enumerate(zip(flowed(engine_name), expected, strict=True)):
        for view in VIEWS:
            assert len(ours[view]) == len(theirs[view]), (turn, view)
            wrong = [
                f"{view} {[str(y[k]) for k in sorted(y) if k in KEYS]} {k}: {x[k]!r}, should be {y[k]!r}"
                for x, y in zip(ours[view], theirs[view], strict=True)
                for k in y
                if k not in hashes(y) and not same(x[k], y[k])
            ]
            assert not wrong, "\n".join([f"run {turn + 1}, {len(wrong)} differences", *wrong[:20]])
        assert ours["drift_history"] and ours["drift_bins"] and ours["profile_history"]


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_spark_works_on_two_executors(
    engines: Callable[[str], Engine], flowed: Callable[[str], tuple[Views, Views]]
) -> None:
    """What was shown on Spark was shown across processes, and without a DELETE: vacuum says why it cannot."""
    flowed("spark")
    from pyspark.sql import SparkSession

    engine = engines("spark")
    session = SparkSession.getActiveSession()
    assert session is not None
    hosts = session.sparkContext._jsc.sc().statusTracker().getExecutorInfos()
    assert len(hosts) == 3  # the driver is one of them
    with open_warehouse(engine.url) as warehouse, pytest.raises(DialectError, match="no UPDATE and no DELETE"):
        vacuum.vacuum(warehouse, "res_flow", now=results_read.now(warehouse))


class Killed(BaseException):
    """No statement after this one is sent."""


def test_a_killed_run_leaves_nothing_half_done(
    engine_name: str,
    engines: Callable[[str], Engine],
    flowed: Callable[[str], tuple[Views, Views]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One more day; the run dies between the rows and the record that publishes them: first of profiles, then of results.
    No transaction spans two statements on these engines, so only the record may decide."""
    before = flowed(engine_name)[1]
    engine, execute = engines(engine_name), Warehouse.execute
    engine.load({"flow": table_of(engine, [*days(0, BASE), *days(BASE, DAYS, shift=1.0), *days(DAYS, DAYS + 1)])})
    yml = written(tmp_path, engine, "flow")
    sent: list[str] = []
    for record, kept in (("into wd_units", VIEWS[:-1]), ("append to wd_windows", ("drift_history", "drift_latest", "drift_bins", "drift_alerts"))):

        def until(self: Warehouse, sql: str, *, name: str, record: str = record) -> int | None:
            sent.append(name)
            if name.endswith(record):
                raise Killed
            return execute(self, sql, name=name)

        monkeypatch.setattr(Warehouse, "execute", until)
        with pytest.raises(Killed):
            verbs_run.run(yml)
        monkeypatch.undo()
        after = read(engine, "res_flow")
        for view in kept:
            assert after[view] == before[view], (record, view)
    assert {"append to wd_results", "append to wd_bins"} & set(sent) and any("into wd_cells" in n for n in sent)
    assert len(after["profile_history"]) > len(before["profile_history"])


PAGE = (root() / "docs" / "how-to" / "move-from-another-tool.md").read_text(encoding="utf-8")


def asked(text: str, structs: bool) -> str:
    """A statement of the page for the monitor and the column of this flow; flat where the engine has no structs."""
    for old, new in (
        ("drift.", "res_flow."), ("scores_", "m_"), ("'scores'", "'m'"), ("'amount'", "'x'"), ("1 week", "1 day"),
        ("2025-02-01", "2025-03-17"), ("2025-03-01", "2025-03-20"),
    ):  # fmt: skip
        text = text.replace(old, new)
    if structs:
        return text
    for old, new in (('"window"."start" AS window_start', "window_start"), ('"window"."start"', "window_start"), ("ks_test.", "ks_test_")):
        text = text.replace(old, new)
    return text.replace("quantiles\n", "quantiles_p05, quantiles_p25, quantiles_p50, quantiles_p75, quantiles_p95\n")


@pytest.mark.parametrize(
    "shaped", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in ("duckdb", "postgres")]
)
def test_the_vendors_queries(
    shaped: str, engines: Callable[[str], Engine], flowed: Callable[[str], tuple[Views, Views]]
) -> None:
    """The documented statements on the drop-in views, against the rows of the source."""
    history = {
        (str(r["window_start"]), r["statistic"]): r
        for r in flowed(shaped)[1]["drift_history"]
        if (r["segment"], r["column_name"]) == ("all", "x")
    }
    of_day: dict[str, list[float | None]] = {}
    for r in [*days(0, BASE), *days(BASE, DAYS, shift=1.0)]:
        of_day.setdefault(f"{r['ts']:%Y-%m-%d} 00:00:00", []).append(r["x"])
    baseline = np.array([x for d in sorted(of_day)[:BASE] for x in of_day[d] if x is not None])
    engine = engines(shaped)
    answers: dict[str, list[dict[str, Any]]] = {}
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        for text in re.findall(r"```sql\n(.*?)```", PAGE, re.S)[:6]:
            word = next(w for w in ("num_nulls", "ks_test", "log_type", "ARRAY_AGG", "bigquery", "snowflake") if w in text)
            answers[word] = warehouse.fetch(asked(text, shaped == "duckdb"), name=word)
    assert len(answers) == 6
    for r in answers["num_nulls"]:
        values = of_day[str(next(iter(r.values())))]
        assert (r["count"], r["num_nulls"]) == (len(values), values.count(None))
    for r in answers["log_type"]:
        known = np.array([x for x in of_day[str(r["window_start"])] if x is not None])
        assert r["avg"] == pytest.approx(known.mean(), rel=1e-12)
        assert r["percent_null"] == pytest.approx(100 * (1 - len(known) / r["count"]), abs=1e-9)
        assert r["median"] == (r["quantiles"][2] if shaped == "duckdb" else r["quantiles_p50"])
    assert len(answers["ks_test"]) == DAYS - BASE - 1 and len(answers["log_type"]) >= DAYS - 1
    for r in answers["ks_test"]:
        at = str(r["window_start"])
        exact = ks_2samp(baseline, [x for x in of_day[at] if x is not None])
        assert history[at, "ks"]["value_lower"] - 1e-12 <= exact.statistic <= history[at, "ks"]["value_upper"] + 1e-12
        flat = {k.removeprefix("ks_test_"): v for k, v in r.items()}
        assert (flat["statistic"], flat["pvalue"]) == (history[at, "ks"]["value"], history[at, "ks"]["p_value"])
        assert r["population_stability_index"] == history[at, "psi"]["value"]
    assert [str(r["event_timestamp"])[:10] for r in answers["snowflake"]] == ["2025-03-17", "2025-03-18", "2025-03-19"]
    for r in answers["snowflake"]:
        missing = sum(d.count(None) for d in (*(of_day[k] for k in sorted(of_day)[:BASE]), of_day[str(r["event_timestamp"])]))
        used = len(baseline) + sum(x is not None for x in of_day[str(r["event_timestamp"])])
        assert (r["count_used"], r["count_unused"]) == (used, missing)
        assert r["metric_value"] == history[str(r["event_timestamp"]), "psi"]["value"]
    called = names(shaped)
    latest = [
        r | {"column_name": called.get(r["column_name"], r["column_name"])}
        for r in flowed(shaped)[1]["drift_latest"]
        if r["segment"] == "all" and r["alert_threshold"] is not None
    ]
    means = {"alert": True, "none": None}
    assert sorted((r["input"], r["value"], r["threshold"], r["is_anomaly"]) for r in answers["bigquery"]) == sorted(
        (r["column_name"], r["value"], r["alert_threshold"], means.get(r["decision"], False)) for r in latest
    )
    over = [r["input"] for r in answers["bigquery"] if r["is_anomaly"]]
    assert latest and sorted(answers["ARRAY_AGG"][0]["anomalies"] or []) == sorted(over)


@pytest.mark.slow
def test_the_result_layer(engine_name: str, engines: Callable[[str], Engine], flowed: Callable[[str], tuple[Views, Views]]) -> None:
    """Publishing, a restated unit, a window decided again and withdrawn, an abandoned run, NaN, migrate twice, vacuum: in the
    schema of the flow, as another project. The whole of tests/results runs on DuckDB and PostgreSQL."""
    flowed(engine_name)
    engine, schema = engines(engine_name), "res_flow"
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        results = Results(warehouse, schema, "layer")

        def shown(view: str, *columns: str) -> list[tuple[Any, ...]]:
            rows = results.q(f"SELECT {', '.join(columns)} FROM {schema}.{view} WHERE project = 'layer'")
            return sorted(tuple(r.values()) for r in rows)

        assert migrate.migrate(warehouse, schema) == ()
        results.event("r1", "started")
        results.cells("r1", 0, {"a": 5, "b": 3, "c": 3})
        assert shown("wd_v_cells", "cell_key", "n") == []
        results.publish("r1", 0)
        results.decide("r1", 0, "alert")
        results.event("r1", "finished")
        assert shown("wd_v_cells", "cell_key", "n") == [("a", 5), ("b", 3), ("c", 3)]
        results.event("r2", "started")
        results.cells("r2", 0, {"a": 6, "b": 2})
        results.publish("r2", 0)
        results.decide("r2", 0, "warn", value_lower=float("nan"), p_value=float("inf"))
        results.decide("r2", 1, "ok")
        assert shown("wd_v_cells", "cell_key", "n") == [("a", 6), ("b", 2)]
        assert shown("drift_history", "decision", "value_lower", "p_value")[-1] == ("warn", 0.2, None)
        row = results.result("r2", 1, "ok")
        write.withdraw_window(warehouse, schema, {k: v for k, v in row.items() if k in (*write.WINDOW, "run_id", "decided_at", "config_hash")})
        assert shown("drift_history", "decision", "run_id") == [("warn", "r2")]
        results.event("r2", "abandoned")
        assert shown("wd_v_cells", "cell_key", "n") == [("a", 5), ("b", 3), ("c", 3)]
        assert shown("drift_history", "decision", "run_id") == [("alert", "r1")]
        if not warehouse.dialect.can("row_changes"):
            return  # what vacuum says then: test_spark_works_on_two_executors
        vacuum.vacuum(warehouse, schema, now=results.tick(), project="layer")
        assert shown("wd_cells", "cell_key", "run_id") == [("a", "r1"), ("b", "r1"), ("c", "r1")]
        assert shown("wd_v_cells", "cell_key", "n") == [("a", 5), ("b", 3), ("c", 3)]
        assert shown("drift_history", "decision", "run_id") == [("alert", "r1")]
        short = vacuum.Retention(*[timedelta(days=30)] * 3)
        vacuum.vacuum(warehouse, schema, now=results.tick(), project="layer", retention=short)
        assert shown("wd_cells", "cell_key") == [] and shown("drift_history", "decision") == []
