"""Values that leave the grid of their baseline: said after three windows in a row, whatever the order of the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from warehouse_drift import api

from .conftest import BASE_DAYS, World, assert_same, day, rows_of, scratch

FIRST = BASE_DAYS + 1
"""The first day on which a tenth of the values is far out."""


def far(days: range, every: int = 10) -> list[dict[str, Any]]:
    """Every tenth x a thousand times what it was; k and c stay as they are."""
    return [r | ({"x": r["x"] * 1000} if i % every == 0 and r["x"] is not None else {}) for i, r in enumerate(rows_of(days))]


def said(world: World) -> dict[int, str]:
    """Day -> sentence of the rows that say so."""
    rows = world.history("reason_code = 'grid_outgrown'")
    assert {(r["column_name"], r["segment"], r["statistic"], r["decision"]) for r in rows} <= {("x", "all", "column_state", "none")}
    return {(r["window_start"] - day(0)).days: r["reason"] for r in rows}


@pytest.mark.parametrize("segments", [[], ["seg"]])
def test_the_third_window_in_a_row_says_so(worlds: Any, segments: list[str], tmp_path: Path) -> None:
    here: World = worlds("out")
    here.insert(rows_of(range(FIRST)))
    here.insert(far(range(FIRST, FIRST + 2)))
    here.configure(segments=segments)
    done = here.run()
    assert said(here) == {} and not any("outgrown" in line for line in done.lines), "two windows, and the second is not over"
    here.insert(far(range(FIRST + 2, FIRST + 5)))
    done = here.run()
    found = said(here)
    assert set(found) == {FIRST + 2, FIRST + 3}
    share = min(float(text.split("(")[1].split(" %")[0]) for text in found.values())
    by_day = [[r["x"] for r in far(range(n, n + 1)) if r["x"] is not None] for n in range(FIRST, FIRST + 4)]
    real = [sum(x > 1000 for x in xs) / len(xs) for xs in by_day]
    assert share == pytest.approx(100 * min(real), rel=0.01) and "it is time for a newer baseline" in found[FIRST + 2]
    (line,) = [line for line in done.lines if "grid_outgrown:" in line]
    assert line.startswith("m  grid_outgrown: x: ") and "move the baseline's from and to" in line
    assert any("1 grid_outgrown" in line or "2 grid_outgrown" in line for line in done.lines), done.lines
    (status,) = here.q("SELECT outgrown_columns FROM {s}.monitor_status")
    assert status["outgrown_columns"] == 1 == api.status(here.yml).rows[0]["outgrown_columns"]
    assert here.value("x", "missing_rate", FIRST + 3)["value"] is not None, "the other statistics are there as ever"
    if segments:
        assert_same(here.views(), scratch(here, tmp_path).views())


def test_a_gap_begins_again_and_late_rows_are_followed(worlds: Any) -> None:
    here: World = worlds("gap")
    here.insert(rows_of(range(FIRST)))
    here.insert([*far(range(FIRST, FIRST + 2)), *rows_of([FIRST + 2]), *far(range(FIRST + 3, FIRST + 6))])
    here.run()
    assert said(here) == {}
    here.sql(f"UPDATE t SET x = x * 1000 WHERE id % 10 = 0 AND ts >= TIMESTAMP '{day(FIRST + 2)}' AND ts < TIMESTAMP '{day(FIRST + 3)}'")
    here.backfill(FIRST + 2, FIRST + 3)
    assert set(said(here)) == {FIRST + 2, FIRST + 3, FIRST + 4}, "the windows after the restated one follow"


def test_longer_windows_follow_too(worlds: Any) -> None:
    """A week has no k-of-n rule to bring it back, and its grid is looked at again all the same."""
    here: World = worlds("weeks")
    here.configure(comparisons=[{"name": "weekly", "window": "week"}], columns=["x"])
    week = [range(BASE_DAYS + 7 * n, BASE_DAYS + 7 * n + 7) for n in range(4)]
    here.insert([*rows_of(range(BASE_DAYS)), *far(week[0]), *rows_of(week[1]), *far(week[2]), *rows_of(week[3][:1])])
    here.run()
    assert said(here) == {}
    here.sql(f"UPDATE t SET x = x * 1000 WHERE id % 10 = 0 AND ts >= TIMESTAMP '{day(week[1][0])}' AND ts < TIMESTAMP '{day(week[1][-1] + 1)}'")
    here.backfill(week[1][0], week[1][-1] + 1)
    assert set(said(here)) == {week[2][0]}


def test_a_baseline_that_is_far_out_itself_is_no_news(worlds: Any) -> None:
    here: World = worlds("same")
    here.insert(far(range(BASE_DAYS + 6)))
    here.run()
    assert said(here) == {}


def test_a_newer_baseline_ends_it(worlds: Any) -> None:
    here: World = worlds("newer")
    here.insert(rows_of(range(BASE_DAYS)))
    here.insert(far(range(BASE_DAYS, BASE_DAYS + 6)))
    here.run()
    assert said(here)
    here.configure(baseline={"from": f"{day(BASE_DAYS - 1):%Y-%m-%d}", "to": f"{day(BASE_DAYS + 3):%Y-%m-%d}"})
    done = here.run()
    assert not any("outgrown" in line for line in done.lines)
    assert here.q("SELECT outgrown_columns FROM {s}.monitor_status")[0]["outgrown_columns"] == 0
