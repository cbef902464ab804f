"""A run with one new bucket reads that bucket and no other: by the plan, by the stored units, and by the engine's own
profile of every statement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from warehouse_drift import verbs_run
from warehouse_drift.plan.explain import as_dict
from warehouse_drift.warehouse.execute import Warehouse

pytestmark = pytest.mark.slow
DAYS, ROWS = 330, 200
CONFIG = """version: 1
project: p
warehouse: {{url: "duckdb:///{path}"}}
monitors:
  - name: m
    relation: events
    timestamp: {{column: seen_at, late: 0}}
    columns: [x, y, k]
    baseline: {{from: 2024-01-01, to: 2024-01-31}}
    comparisons: [{{name: daily, window: day, against: baseline}}]
"""


def scans(node: Any) -> Iterator[dict[str, Any]]:
    for child in node.get("children", ()):
        yield from scans(child)
    if node.get("type") == "TABLE_SCAN":
        yield node


def add(path: Path, first: int, last: int) -> None:
    with duckdb.connect(str(path)) as c:
        c.execute("CREATE TABLE IF NOT EXISTS events (seen_at TIMESTAMP, x DOUBLE, y BIGINT, k VARCHAR)")
        c.execute(
            f"INSERT INTO events SELECT TIMESTAMP '2024-01-01' + INTERVAL (d) DAY + INTERVAL (i * 400) SECOND, (i * 37 + d) % 101 / 7.0,"
            f" (i + d) % 9, ['a', 'b', 'c'][1 + i * d % 3] FROM range({first}, {last}) AS a(d), range({ROWS}) AS b(i)"
        )


def test_one_new_bucket_is_one_bucket_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, config = tmp_path / "x.duckdb", tmp_path / "drift.yml"
    config.write_text(CONFIG.format(path=path), encoding="utf-8")
    add(path, 0, DAYS + 1)
    done = verbs_run.backfill(str(config), "2024-01-31", "2025-01-01")
    assert not done.failed
    with duckdb.connect(str(path), read_only=True) as c:
        known = c.execute("SELECT COUNT(DISTINCT bucket_start) FROM drift.wd_v_units WHERE bucket_start >= '2024-01-31'").fetchone()
    assert known == (DAYS - 30,), "300 daily buckets are profiled"
    add(path, DAYS + 1, DAYS + 2)

    planned = as_dict(verbs_run.plan(str(config)))["monitors"][0]
    assert [b["date"] for b in planned["units"]["buckets"]] == ["2024-11-26"] and not planned["units"]["late_buckets"]
    assert not planned["refinement"]["possible"]

    read: list[tuple[str, int]] = []
    running = Warehouse._running

    def profiled(self: Warehouse, sql: str, name: str) -> Any:
        raw = self.connection.connection.driver_connection
        inner = getattr(raw, "c", raw)
        inner.execute("PRAGMA enable_profiling = 'no_output'")
        context = running(self, sql, name)

        class Watching:
            def __enter__(self) -> Any:
                return context.__enter__()

            def __exit__(self, *error: Any) -> Any:
                if '"events"' in sql or " events" in sql:  # before the commit, which has a profile of its own
                    profile = json.loads(inner.get_profiling_information("json"))
                    for top in profile.get("operator", ()):
                        found = [s for s in scans(top) if s["extra_info"].get("Table", "").endswith(".events")]
                        read.extend((name, s["intermediate_rows"]) for s in found)
                return context.__exit__(*error)

        return Watching()

    monkeypatch.setattr(Warehouse, "_running", profiled)
    done = verbs_run.run(str(config))
    (monitor,) = done.monitors
    assert not monitor.failed and monitor.rows_scanned == ROWS and len(monitor.windows) == 1
    by_name = dict(read)
    assert {"profile/numeric_cells", "profile/categorical_cells", "profile/bucket_rows"} <= by_name.keys()
    profiles = [n for name, n in read if name.startswith("profile/")]
    assert profiles and set(profiles) == {ROWS}, "every statement over the source met the rows of the new bucket only"
    others = [n for name, n in read if not name.startswith("profile/")]
    assert max(others, default=0) <= 3 * ROWS, "the newest row is looked for from the newest known bucket on: it, the due one, the open one"
