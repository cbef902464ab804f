"""A monitor on nested columns: arrays by their length, the others by what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from warehouse_drift import verbs_check, verbs_run
from warehouse_drift.warehouse.connect import open_warehouse

TABLE = """
CREATE TABLE t AS SELECT TIMESTAMP '2025-03-03' + INTERVAL (i * 6) MINUTE AS ts,
  CASE WHEN i % 10 <> 3 THEN range(i % 4 + CASE WHEN i >= 14 * 240 THEN 3 ELSE 0 END) END AS tags,
  CASE WHEN i % 4 = 0 AND i >= 14 * 240 THEN NULL ELSE {'city': CASE WHEN i % 2 = 0 THEN 'x' ELSE 'y' END} END AS address,
  CAST('[]' AS JSON) AS payload, CAST('a' AS BLOB) AS bytes
FROM range(17 * 240) r(i)
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, object]]:
    """(column, statistic) -> row of the newest day."""
    folder: Path = tmp_path_factory.mktemp("nested")
    with duckdb.connect(str(folder / "x.duckdb")) as connection:
        connection.execute(TABLE)
    monitor = {
        "name": "m", "relation": "t", "timestamp": {"column": "ts"}, "baseline": {"from": "2025-03-03", "to": "2025-03-17"},
        "columns": ["tags", "address", "payload", "bytes", {"name": "city", "kind": "categorical", "expression": "address.city"}],
        "statistics": ["ks"],
    }  # fmt: skip
    root = {"version": 1, "project": "p", "warehouse": {"url": f"duckdb:///{folder / 'x.duckdb'}"}, "monitors": [monitor]}
    (folder / "drift.yml").write_text(json.dumps(root), encoding="utf-8")
    assert verbs_check.check(str(folder / "drift.yml")).problems == ()
    assert not verbs_run.run(str(folder / "drift.yml")).failed
    with open_warehouse(f"duckdb:///{folder / 'x.duckdb'}") as warehouse:
        rows = warehouse.fetch("SELECT * FROM drift.drift_history WHERE window_date = DATE '2025-03-18'", name="test")
    return {(r["column_name"], r["statistic"]): r for r in rows}


def test_an_array_drifts_in_its_length(history: dict[tuple[str, str], dict[str, object]]) -> None:
    """All lengths rise by 3, so 0 to 2 vanish."""
    now = [i % 4 + 3 for i in range(15 * 240, 16 * 240) if i % 10 != 3]
    then = [i % 4 for i in range(14 * 240) if i % 10 != 3]
    gap = max(abs(sum(v <= x for v in then) / len(then) - sum(v <= x for v in now) / len(now)) for x in range(7))
    assert history["tags", "ks"]["value"] == pytest.approx(gap, abs=1e-12)
    assert (history["tags", "ks"]["n_reference"], history["tags", "ks"]["n_current"]) == (len(then), len(now))
    assert history["tags", "psi"]["decision"] == "alert" and history["tags", "ks"]["column_kind"] == "numeric"


def test_of_the_others_what_is_missing(history: dict[tuple[str, str], dict[str, object]]) -> None:
    assert {s for c, s in history if c in ("address", "payload", "bytes")} == {"missing_rate", "missing_rate_change"}
    assert history["address", "missing_rate"]["value"] == 0.25 and history["payload", "missing_rate"]["value"] == 0.0
    assert history["address", "missing_rate_change"]["column_kind"] == "text"
    assert history["city", "psi"]["n_current"] == 180
