"""A monitor with 500 columns and 24 segments keeps every statement within the limits of every warehouse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from warehouse_drift import verbs_compile
from warehouse_drift.pipeline.columns import Measured
from warehouse_drift.plan.model import MonitorPlan
from warehouse_drift.resources import dialect_folders
from warehouse_drift.sql.dialect import load_dialect

SEGMENTS = [f"segment {i}" for i in range(24)]
WIDE = ("postgres", "snowflake", "clickhouse")
"""500 columns for a limit of each kind (targets, bytes, fewest bytes); elsewhere 100, more than a statement profiles at once."""
DIALECTS = [n for n in dialect_folders() if n != "spark"]  # the SQL of databricks


def columns_of(name: str) -> int:
    return 500 if name in WIDE else 100


@pytest.fixture
def wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    listed = "\n".join(
        f"      - {{name: c{i}, kind: {'categorical' if i % 5 == 4 else 'numeric'}}}" for i in range(columns_of(name))
    )
    (tmp_path / "drift.yml").write_text(
        "version: 1\nproject: wide\nwarehouse: {url: 'duckdb:///x.duckdb', result_schema: drift}\nmonitors:\n"
        f"  - name: wide\n    relation: t\n    timestamp: ts\n    columns:\n{listed}\n"
        "    segments: [{column: seg, max_values: 24}]\n    baseline: {from: 2026-01-01, to: 2026-01-03}\n"
        "    comparisons: [{name: daily, window: day, against: baseline}]\n"
    )
    answers = verbs_compile.placeholder_answers

    def with_segments(plan: MonitorPlan, measured: Sequence[Measured]) -> Mapping[str, Any]:
        found = dict(answers(plan, measured))
        row = dict(found["baselines"](None)[0])
        row["spec"] = json.dumps({"segments": {"seg": {"values": SEGMENTS, "complete": True}}})
        return found | {
            "profile/segment_values": lambda _: [{"value": v} for v in SEGMENTS],
            "baselines": lambda _: [row],
        }

    monkeypatch.setattr(verbs_compile, "placeholder_answers", with_segments)
    return tmp_path / "drift.yml"


@pytest.mark.slow
@pytest.mark.parametrize("name", DIALECTS)
def test_every_statement_is_within_the_limits(name: str, wide: Path) -> None:
    dialect = load_dialect(name)
    compiled = verbs_compile.compile_monitors(str(wide), dialect=name)
    profiled = [c for c in compiled if c.name == "profile/numeric_cells"]
    assert len(profiled) >= 2 * (columns_of(name) * 4 // 5) / dialect.statement_columns
    assert sum("segment 23" in c.text for c in profiled) >= len(profiled) // 2
    longest = max(len(c.text.encode()) for c in compiled)
    assert longest <= (dialect.statement_bytes or 20_000_000)
    if dialect.statement_targets:
        widest = [c for c in compiled if c.name in ("grid/range", "profile/bucket_rows", "grid/sample")]
        assert widest
        for c in widest:
            assert c.text.count(" AS z_") + c.text.count(" AS low_") <= dialect.statement_targets
