"""Metrics: parsed back by Prometheus' own client, equal to the views, bounded, and documented name by name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.reports.reading import NASTY, SECRET
from warehouse_drift.reports import prometheus
from warehouse_drift.resources import root

pytest.importorskip("prometheus_client", reason="pip install 'warehouse-drift[prometheus]'")


def parsed(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    from prometheus_client.parser import text_string_to_metric_families

    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge" and family.documentation == prometheus.METRICS[family.name][0]
        for s in family.samples:
            assert set(s.labels) == set(prometheus.METRICS[family.name][1])
            found[s.name, frozenset(s.labels.items())] = s.value
    return found


def test_what_is_written_is_what_the_views_say(config: str) -> None:
    text = prometheus.exposition(prometheus.read_samples(config))
    found = parsed(text)
    assert SECRET not in text and "plain" not in text, "no value of the data"
    url = json.loads(Path(config).read_text())["warehouse"]["url"].removeprefix("duckdb:///")
    with duckdb.connect(url, read_only=True) as c:
        rows = c.execute(
            "SELECT column_name, statistic, value, severity FROM drift.drift_latest WHERE segment = 'all' AND decision <> 'not_judged'"
        ).fetchall()
        ended, opened = c.execute("SELECT EPOCH(last_window_end), open_incidents FROM drift.monitor_status").fetchall()[0]
    base = {"project": "shop <b>&", "monitor": "m"}
    assert len(rows) > 5 and NASTY in {r[0] for r in rows}
    for column, statistic, value, severity in rows:
        labels = frozenset({**base, "comparison": "weekly", "column_name": column, "statistic": statistic}.items())
        assert found.get(("warehouse_drift_value", labels)) == value
        assert found["warehouse_drift_severity", labels] == (-1 if severity is None else severity)
    monitor = frozenset(base.items())
    assert found["warehouse_drift_last_window_end_timestamp_seconds", monitor] == ended
    assert found["warehouse_drift_open_incidents", monitor] == opened >= 1
    assert found["warehouse_drift_last_run_success", monitor] == 1


def test_series_are_bounded_and_the_rest_is_counted() -> None:
    row: dict[str, Any] = {"monitor": "m", "comparison": "d", "statistic": "psi", "value": None, "alert_threshold": 0.2, "severity": None}
    found = prometheus.samples("p", [], [{**row, "column_name": f"c{i}"} for i in range(30)], most=10)
    assert len({s.labels for s in found if s.name == "warehouse_drift_severity"}) == 10
    assert [s.value for s in found if s.name == "warehouse_drift_series_left_out"] == [20]
    assert not any(s.name == "warehouse_drift_value" for s in found) and {s.value for s in found if s.name == "warehouse_drift_severity"} == {-1}


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "drift.prom"
    path.write_text("old")
    prometheus.write_file("new\n", path)
    assert path.read_text() == "new\n" and [p.name for p in tmp_path.iterdir()] == ["drift.prom"]
    with pytest.raises(UnicodeEncodeError):
        prometheus.write_file("\ud800", path)
    assert path.read_text() == "new\n" and [p.name for p in tmp_path.iterdir()] == ["drift.prom"]


def test_names_and_labels_are_documented() -> None:
    page = (root() / "docs" / "how-to" / "prometheus.md").read_text()
    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) == set(prometheus.METRICS)
    for name, (_, labels) in prometheus.METRICS.items():
        assert re.search(rf"^\| `{name}` \| ({', '.join(labels)}|the same) \|", page, re.MULTILINE)
