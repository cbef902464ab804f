"""Reports of a small monitor whose names and values are as nasty as a warehouse allows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.reports.reading import NASTY, SECRET
from warehouse_drift import verbs_run
from warehouse_drift.reports.gather import ReportData, gather


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Four baseline weeks and three judged ones; ``amount`` doubles in the last, a private column holds a secret."""
    folder = tmp_path_factory.mktemp("report")
    columns = (
        "TIMESTAMP '2025-01-06' + INTERVAL (i * 10) MINUTE AS ts, ((i * 7919) % 1000) / 100.0 * CASE WHEN i >= 6048 THEN 2 ELSE 1 END AS amount",
        f"CASE WHEN i % 3 = 0 THEN '{NASTY.replace(chr(39), chr(39) * 2)}' WHEN i % 3 = 1 THEN 'b' ELSE 'it''s' END AS \"{NASTY.replace(chr(34), chr(34) * 2)}\"",
        f"CASE WHEN i % 4 = 0 THEN '{SECRET}' ELSE 'other-secret' END AS private",
        "CASE WHEN i % 2 = 0 THEN '<img src=x>' ELSE 'plain' END AS place, 1 AS constant",
    )
    with duckdb.connect(str(folder / "x.duckdb")) as c:
        c.execute(f"CREATE TABLE t AS SELECT {', '.join(columns)} FROM range(7057) AS r(i)")
    body = {
        "version": 1,
        "project": "shop <b>&",
        "warehouse": {"url": f"duckdb:///{folder / 'x.duckdb'}"},
        "monitors": [
            {
                "name": "m",
                "relation": "t",
                "owner": "@<i>team",
                "timestamp": "ts",
                "statistics": ["ks"],
                "columns": ["amount", NASTY, {"name": "private", "store_values": False}, "constant"],
                "segments": ["place"],
                "baseline": {"from": "2025-01-06", "to": "2025-02-03"},
                "comparisons": [{"name": "weekly", "window": "week", "against": "baseline"}],
            }
        ],
    }
    path = folder / "drift.yml"
    path.write_text(json.dumps(body), encoding="utf-8")
    done = verbs_run.run(str(path))
    assert not done.failed, [m.failed for m in done.failed]
    return str(path)


@pytest.fixture(scope="module")
def db(config: str) -> Iterator[duckdb.DuckDBPyConnection]:
    path = json.loads(Path(config).read_text())["warehouse"]["url"].removeprefix("duckdb:///")
    with duckdb.connect(path, read_only=True) as c:
        yield c


@pytest.fixture(scope="session")
def data(config: str) -> ReportData:
    return gather(config)
