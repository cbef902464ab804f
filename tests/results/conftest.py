"""A result schema in a file of its own, and short ways to write rows into it by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from warehouse_drift.results import migrate, write
from warehouse_drift.results.place import prefix_in
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

SCHEMA = "drift"
DAY = datetime(2025, 1, 1)
MONITOR = {"project": "p", "monitor": "m"}
BASE = {**MONITOR, "baseline_version": "b1"}


def day(n: int) -> datetime:
    return DAY + timedelta(days=n)


class Results:
    """``wh`` with the schema made; ``q`` reads a view."""

    schema, base, day = SCHEMA, BASE, staticmethod(day)

    def __init__(self, wh: Warehouse, schema: str = SCHEMA, project: str = "p") -> None:
        self.wh, self.schema = wh, schema
        self.base = {**BASE, "project": project}
        self.clock = datetime(2025, 6, 1)

    def tick(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock

    def q(self, sql: str) -> list[dict[str, Any]]:
        return self.wh.fetch(sql, name="test")

    def put(self, table: str, *rows: dict[str, Any]) -> None:
        write.insert_rows(self.wh, self.schema, table, rows)

    def event(self, run: str, event: str, **facts: Any) -> None:
        facts = {"at": self.tick(), **facts}
        write.run_event(self.wh, self.schema, run_id=run, event=event, **{**MONITOR, "project": self.base["project"], **facts})

    def cells(self, run: str, bucket: int, counts: dict[str, int], *, grid: str = "g1", key: str = "") -> None:
        """Cells and profile of one unit of column c, not published. ``key`` '' = all rows, else one row a value."""
        unit = {**self.base, "column_name": "c", "grid_id": grid, "segment_key": key, "bucket_start": day(bucket), "run_id": run}
        kind = {"segment_kind": "value" if key else "all"}
        for i, (value, n) in enumerate(counts.items()):
            segment = {**kind, "segment_value": value if key else ""}
            self.put("wd_cells", {**unit, **segment, "cell_kind": "value", "cell_index": i, "cell_key": value, "n": n})
            if key or i == 0:
                rows = n if key else sum(counts.values())
                self.put("wd_profiles", {**unit, **segment, "column_kind": "categorical", "row_count": rows, "mean": float(rows)})

    def publish(self, run: str, bucket: int, *, grid: str = "g1", key: str = "", scan: datetime | None = None, **more: Any) -> None:
        write.publish_units(
            self.wh,
            self.schema,
            [
                {
                    **self.base, "column_name": "c", "grid_id": grid, "segment_key": key, "bucket_start": day(bucket), "bucket_end": day(bucket + 1),
                    "window_date": day(bucket).date(), "rows_scanned": 1, "scan_started_at": scan or self.tick(), "run_id": run, **more,
                }
            ],
        )  # fmt: skip

    def result(self, run: str, window: int, decision: str, value: float | None = 0.2, **more: Any) -> dict[str, Any]:
        return {
            **self.base, "comparison": "daily", "comparison_kind": "baseline", "window_start": day(window), "window_end": day(window + 1),
            "window_date": day(window).date(), "time_zone": "UTC", "granularity": "day", "is_complete": True, "segment": "all",
            "column_name": "c", "column_kind": "numeric", "role": "feature", "statistic": "psi", "value": value, "n_reference": 100,
            "n_current": 10, "warn_threshold": 0.1, "alert_threshold": 0.25, "decision": decision, "reason": f"{decision} on day {window}",
            "reason_code": "no_data" if decision == "none" else None, "run_id": run, "decided_at": self.tick(), "config_hash": "h", **more,
        }  # fmt: skip

    def decide(self, run: str, window: int, decision: str, value: float | None = 0.2, **more: Any) -> None:
        write.publish_results(self.wh, self.schema, [self.result(run, window, decision, value, **more)])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the empty schema: to copy it takes a hundredth of making it."""
    file = tmp_path_factory.mktemp("made") / "results.duckdb"
    with open_warehouse(f"duckdb:///{file}") as wh:
        migrate.create_all(wh, SCHEMA)
    return file


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Iterator[Results]:
    with open_warehouse(f"duckdb:///{shutil.copy(made, tmp_path)}") as wh:
        assert migrate.check_version(wh, SCHEMA) and prefix_in(wh, SCHEMA)
        yield Results(wh)
