"""`migrate`, `status`, `vacuum`, `grants`: exit codes, texts, and what they leave behind."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import warehouse_drift
from warehouse_drift import cli
from warehouse_drift.results import migrate, read, write
from warehouse_drift.warehouse.connect import open_warehouse

CONFIG = """version: 1
project: shop
warehouse: {{url: "{url}", result_schema: drift}}
retention: {{history: 30 days}}
monitors:
  - {{name: scores, relation: r, baseline: {{relation: r}}}}
  - {{name: orders, relation: r, baseline: {{relation: r}}}}
"""
DAY = datetime(2025, 1, 1)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database with one table, made once."""
    path = tmp_path_factory.mktemp("made") / "shop.duckdb"
    with open_warehouse(f"duckdb:///{path}") as wh:
        wh.execute("CREATE TABLE r AS SELECT 1.0 AS amount", name="test")
        migrate.create_all(wh, "drift")
    return path


@pytest.fixture
def shop(tmp_path: Path, file: Path) -> tuple[str, str]:
    """(configuration, URL) of a copy of it."""
    url = f"duckdb:///{shutil.copy(file, tmp_path)}"
    (tmp_path / "drift.yml").write_text(CONFIG.format(url=url))
    return str(tmp_path / "drift.yml"), url


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def go(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["warehouse-drift", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out = capsys.readouterr()
        return int(ended.value.code or 0), out.out, out.err

    return go


def publish(url: str, monitor: str, decision: str, at: datetime = DAY, run_id: str = "r1", **more: Any) -> None:
    with open_warehouse(url) as wh:
        now = read.now(wh)
        key = {"run_id": run_id, "project": "shop", "monitor": monitor}
        row = {
            **key, "comparison": "daily", "comparison_kind": "baseline", "window_start": at, "window_end": at + timedelta(days=1),
            "window_date": at.date(), "time_zone": "UTC", "granularity": "day", "is_complete": True, "baseline_version": "b1", "segment": "all",
            "column_name": "amount", "column_kind": "numeric", "role": "feature", "statistic": "psi", "value": None if decision == "none" else 0.3,
            "decision": decision, "reason_code": "no_data" if decision == "none" else None, "reason": "as the test says", "decided_at": now,
            "config_hash": "h", **more,
        }  # fmt: skip
        write.run_event(wh, "drift", **key, event="started", at=now)
        write.publish_results(wh, "drift", [row])
        write.run_event(wh, "drift", **key, event="finished", at=now)


def test_migrate_then_status(shop: tuple[str, str], run: Callable[..., tuple[int, str, str]]) -> None:
    config, url = shop
    with open_warehouse(url) as wh:
        wh.execute("DROP SCHEMA drift CASCADE", name="test")
    code, out, err = run("status", "-c", config)
    assert code == 2 and f"Run: warehouse-drift migrate -c {config}" in err and out == ""
    code, out, _ = run("migrate", "-c", config)
    assert code == 0 and "applied 0001_tables" in out
    code, out, _ = run("migrate", "-c", config, "--json")
    assert code == 0 and json.loads(out) == {"schema": "drift", "version": migrate.current_version(), "applied": []}
    code, out, _ = run("status", "-c", config, "--json")
    rows = json.loads(out)["rows"]
    assert code == 1, "a monitor without any decision counts as an alert"
    assert [(r["monitor"], r["decision"], r["stale"], r["alert_count"]) for r in rows] == [("scores", "none", True, 0), ("orders", "none", True, 0)]
    publish(url, "scores", "ok")
    publish(url, "orders", "ok")
    assert run("status", "-c", config)[0] == 0


@pytest.mark.parametrize(
    ("decision", "level", "code"),
    [
        ("alert", "alert", 1), ("alert", "never", 0), ("warn", "alert", 0), ("warn", "warn", 1), ("ok", "no_decision", 0), ("none", "alert", 1),
        ("none", "never", 0), ("warn", "no_decision", 1),
    ],
)  # fmt: skip
def test_exit_codes(shop: tuple[str, str], run: Callable[..., tuple[int, str, str]], decision: str, level: str, code: int) -> None:
    config, url = shop
    publish(url, "scores", "ok")
    publish(url, "orders", decision)
    found, out, _ = run("status", "-c", config, "--fail-on", level)
    assert found == code and "orders" in out and "stale" in out and decision in out
    assert max(map(len, out.splitlines())) <= 100


def test_undecided_statistics_count_only_for_no_decision(shop: tuple[str, str], run: Callable[..., tuple[int, str, str]]) -> None:
    config, url = shop
    publish(url, "scores", "ok")
    publish(url, "orders", "ok")
    with open_warehouse(url) as wh:
        wh.execute("INSERT INTO drift.wd_results SELECT * REPLACE ('ks' AS statistic, 'none' AS decision, 'insufficient' AS reason_code, NULL AS severity) FROM drift.wd_results WHERE monitor = 'orders'", name="test")
    assert [run("status", "-c", config, "--fail-on", level)[0] for level in ("warn", "no_decision")] == [0, 1]


def test_a_monitor_that_left_the_configuration_is_shown_and_does_not_fail(shop: tuple[str, str], run: Callable[..., tuple[int, str, str]]) -> None:
    config, url = shop
    for name, decision in (("scores", "ok"), ("orders", "ok"), ("gone", "alert")):
        publish(url, name, decision)
    code, out, _ = run("status", "-c", config, "--json")
    assert code == 0 and [(r["monitor"], r["configured"]) for r in json.loads(out)["rows"]][-1] == ("gone", False)


def test_vacuum(shop: tuple[str, str], run: Callable[..., tuple[int, str, str]]) -> None:
    config, url = shop
    with open_warehouse(url) as wh:
        today = read.now(wh).replace(hour=0, minute=0, second=0, microsecond=0)
    for run_id in ("r1", "r2"):
        publish(url, "scores", "ok", today - timedelta(days=2), run_id)
        publish(url, "scores", "ok", today - timedelta(days=99), run_id)

    def stored() -> int:
        with open_warehouse(url) as wh:
            return int(wh.fetch("SELECT COUNT(*) AS n FROM drift.wd_results", name="test")[0]["n"])

    code, out, _ = run("vacuum", "-c", config, "--dry-run", "--json")
    assert code == 0 and stored() == 4
    rows = json.loads(out)["rows"]
    assert {(r["table"], r["why"][:8]): r["rows"] for r in rows}[("wd_results", "replaced")] == 2
    code, out, _ = run("vacuum", "-c", config)
    assert code == 0 and "rows deleted." in out and stored() == 1
    assert run("vacuum", "-c", config)[1] == "0 rows deleted.\n"


def test_grants(shop: tuple[str, str], run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    config, _ = shop
    code, out, _ = run("grants", "-c", config)
    assert code == 0 and out.startswith("-- DuckDB has no users")
    other = tmp_path / "pg.yml"
    other.write_text(
        CONFIG.format(url="postgresql://watcher:hush@nowhere/shop").replace("relation: r,", 'query: "WITH a AS (SELECT * FROM ml.scored) SELECT * FROM a JOIN dim.stores USING (id)",', 1)
    )
    code, out, err = run("grants", "-c", str(other))
    assert code == 0 and "hush" not in out + err
    for line in (
        "GRANT USAGE ON SCHEMA ml TO watcher;", "GRANT SELECT ON TABLE ml.scored TO watcher;", "GRANT SELECT ON TABLE dim.stores TO watcher;",
        "GRANT SELECT ON TABLE r TO watcher;", "GRANT TEMPORARY ON DATABASE shop TO watcher;", "GRANT USAGE, CREATE ON SCHEMA drift TO watcher;",
    ):  # fmt: skip
        assert out.splitlines().count(line) == 1, line
    assert "TABLE a " not in out
    assert 'TO "a;b";' in run("grants", "-c", str(other), "--role", "a;b")[1]


def test_ddl() -> None:
    assert "CREATE TABLE IF NOT EXISTS watch.wd_units" in warehouse_drift.ddl("postgres", "watch")
