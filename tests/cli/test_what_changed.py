"""Each change of a column is reported as what it is, by the default preset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from warehouse_drift import api, verbs_run
from warehouse_drift.reports.tables import as_csv

N, M = 20_000, 5_000


def letters(rng: np.random.Generator, shares: dict[str, float], n: int) -> list[str]:
    return list(rng.choice(list(shares), n, p=list(shares.values())))


def gaps(rng: np.random.Generator, share: float, n: int) -> list[float | None]:
    return [None if g else float(v) for g, v in zip(rng.random(n) < share, rng.normal(size=n), strict=True)]


@pytest.fixture
def rows(database: Callable[..., str]) -> dict[str, dict[str, dict[str, Any]]]:
    rng = np.random.default_rng(17)
    old = {"a": 0.6, "b": 0.34, "c": 0.06}
    reference: dict[str, Any] = {
        "same": rng.normal(size=N), "gaps": gaps(rng, 0.02, N), "fresh": letters(rng, old, N),
        "gone": letters(rng, old, N), "constant": [5.0] * N, "retyped": rng.integers(0, 9, N), "dropped": [1.0] * N,
        "steady": letters(rng, old, N),
    }  # fmt: skip
    current: dict[str, Any] = {
        "same": rng.normal(size=M), "gaps": gaps(rng, 0.10, M), "gone": letters(rng, {"a": 0.64, "b": 0.36}, M),
        "fresh": letters(rng, {"a": 0.6, "b": 0.325, "c": 0.06, "d": 0.015}, M), "constant": [6.0] * M,
        "retyped": [str(v) for v in rng.integers(0, 9, M)], "steady": letters(rng, old, M),
    }  # fmt: skip
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in api.compare(database(r=reference, c=current), "r", "c").rows:
        found.setdefault(row["column_name"], {})[row["statistic"]] = row
    return found


@pytest.mark.parametrize("preset", ["psi_classic", "evidently"])
def test_rows_are_one_table(preset: str, database: Callable[..., str]) -> None:
    url = database(r={"dropped": [1.0, 2.0], "k": ["a", "b"]}, c={"k": ["a", "c"], "fresh": [1, 2]})
    rows = api.compare(url, "r", "c", preset=preset).rows
    assert len({tuple(r) for r in rows}) == 1
    assert as_csv(rows).count("\n") == len(rows) + 1


def decided(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {s: r["decision"] for s, r in rows.items() if r["decision"] in ("warn", "alert", "none")}


def test_each_is_reported_as_what_it_is(rows: dict[str, dict[str, dict[str, Any]]]) -> None:
    assert decided(rows["same"]) == decided(rows["steady"]) == {}
    assert decided(rows["gaps"]) == {"missing_rate_change": "alert"}  # and no other statistic
    assert "share of missing values rose by" in rows["gaps"]["missing_rate_change"]["reason"]
    assert decided(rows["fresh"])["unseen_rate"] == "warn"
    assert "New: d (" in rows["fresh"]["unseen_rate"]["reason"]
    assert [v["value"] for v in rows["fresh"]["unseen_rate"]["values"]] == ["d"]
    gone = rows["gone"]["vanished_rate"]
    assert gone["value"] == pytest.approx(0.06, abs=0.01) and gone["p_value"] < 1e-50
    assert "do not occur any more" in gone["reason"] and "Gone: c (" in gone["reason"]
    assert decided(rows["gone"])["vanished_rate"] == "alert"
    assert decided(rows["constant"])["psi"] == "alert"
    assert rows["constant"]["ks"]["value"] == 1.0 and rows["constant"]["wasserstein"]["value"] == 1.0
    assert rows["constant"]["wasserstein_normed"]["reason_code"] == "constant_reference"
    (retyped,) = rows["retyped"].values()
    assert (retyped["decision"], retyped["reason_code"]) == ("none", "type_changed")
    assert "type" in retyped["reason"]
    (dropped,) = rows["dropped"].values()
    assert (dropped["decision"], dropped["reason_code"]) == ("alert", "column_missing")


@pytest.mark.slow
def test_run_reports_each_as_what_it_is_too(tmp_path: Path) -> None:
    """21 baseline days and 7 judged ones; all changes begin on the fourth, the type changes on the sixth."""
    days, rows_a_day, changed, last = 28, 1000, 24, 26
    rng = np.random.default_rng(7)
    day = np.repeat(np.arange(days), rows_a_day)
    new = day >= changed
    u, v = rng.random(len(day)), rng.random(len(day))
    frame = pd.DataFrame(  # noqa: F841
        {
            "ts": np.datetime64("2025-01-06", "s") + day * 86_400 + np.tile(np.arange(rows_a_day), days),
            "gaps": np.where(v < np.where(new, 0.10, 0.02), np.nan, u),
            "fresh": np.where(new & (v < 0.015), "d", np.where(u < 0.6, "a", np.where(u < 0.94, "b", "c"))),
            "gone": np.where(u < 0.6, "a", np.where((u < 0.94) | new, "b", "c")),
            "constant": np.where(new, 6.0, 5.0),
            "retyped": rng.integers(0, 9, len(day)),
            "steady": np.where(v < 0.6, "a", "b"),
        }
    )
    url = tmp_path / "x.duckdb"
    with duckdb.connect(str(url)) as c:
        c.execute("CREATE TABLE source AS SELECT * REPLACE (CASE WHEN ISNAN(gaps) THEN NULL ELSE gaps END AS gaps) FROM frame")
        c.execute(f"CREATE TABLE t AS SELECT * FROM source WHERE ts <= TIMESTAMP '2025-01-06' + INTERVAL {last} DAY")
    monitor = {"name": "m", "relation": "t", "timestamp": "ts", "baseline": {"from": "2025-01-06", "to": "2025-01-27"}}
    body = {"version": 1, "project": "p", "warehouse": {"url": f"duckdb:///{url}"}, "monitors": [monitor]}
    (tmp_path / "drift.yml").write_text(json.dumps(body), encoding="utf-8")
    assert [m.failed for m in verbs_run.run(str(tmp_path / "drift.yml")).monitors] == [""]
    with duckdb.connect(str(url)) as c:
        c.execute("ALTER TABLE t ALTER retyped TYPE VARCHAR")
        c.execute("INSERT INTO t SELECT * FROM source WHERE ts > (SELECT MAX(ts) FROM t)")
    assert [m.failed for m in verbs_run.run(str(tmp_path / "drift.yml")).monitors] == [""]
    with duckdb.connect(str(url), read_only=True) as c:
        found = c.execute(
            "SELECT date_diff('day', DATE '2025-01-06', window_date), column_name, statistic, decision, COALESCE(reason_code, ''), reason "
            "FROM drift.drift_history WHERE decision IN ('warn', 'alert') OR statistic = 'column_state'"
        ).fetchall()
    by_day = {d: {(column, statistic): (decision, code) for n, column, statistic, decision, code, _ in found if n == d} for d in range(21, days - 1)}
    assert by_day[21] == by_day[22] == by_day[23] == {}
    waits = ("warn", "awaiting_confirmation")
    assert by_day[24][("gaps", "missing_rate_change")] == by_day[24][("gone", "vanished_rate")] == by_day[24][("constant", "psi")] == waits
    for d in (25, 26):
        assert {k for k in by_day[d] if k[0] == "gaps"} == {("gaps", "missing_rate_change")}
        assert by_day[d][("gaps", "missing_rate_change")] == by_day[d][("gone", "vanished_rate")] == by_day[d][("constant", "psi")] == ("alert", "")
        assert by_day[d][("fresh", "unseen_rate")][0] == "warn" and ("steady", "psi") not in by_day[d]
    assert by_day[26][("retyped", "column_state")] == ("none", "type_changed")
    said = {(n, column, statistic): reason for n, column, statistic, _, _, reason in found}
    assert "share of missing values rose by" in said[26, "gaps", "missing_rate_change"]
    assert "never occur in the reference" in said[26, "fresh", "unseen_rate"]
    assert "(hardly any would be expected)" in said[26, "gone", "vanished_rate"]
    assert "it was integer and is text" in said[26, "retyped", "column_state"]


def test_a_value_missed_by_chance_is_no_vanished_value(compared: Callable[..., dict[str, dict[str, Any]]]) -> None:
    rng = np.random.default_rng(1)
    x, y = ([f"v{i}" for i in rng.zipf(1.4, n) if i < 900] for n in (5000, 900))
    row = compared(x, y)["vanished_rate"]
    assert row["value"] > 0.05  # a long tail is always missed in part
    assert row["p_value"] > 0.01
    assert compared(["a", "b"] * 50, ["a", "b"] * 40)["vanished_rate"]["value"] == 0.0
