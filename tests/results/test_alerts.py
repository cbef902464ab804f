"""Incidents against a slow plain answer in Python."""

from __future__ import annotations

import random
from typing import Any

import pytest

from warehouse_drift.results import write


def incidents(results, where: str = "TRUE") -> list[dict[str, Any]]:
    return results.q(f"SELECT * FROM drift.drift_alerts WHERE {where} ORDER BY opened_at")


def play(results, letters: str) -> None:
    """One window a letter: a alert, w warn, o ok, n none."""
    names = {"a": "alert", "w": "warn", "o": "ok", "n": "none"}
    rows = [results.result("r1", i, names[x], None if x == "n" else 0.3) for i, x in enumerate(letters)]
    write.publish_results(results.wh, "drift", rows)


def plain(letters: str) -> list[tuple[int, int, int | None, int]]:
    """(opened, last seen, resolved, windows with an alert) by reading along."""
    found: list[list[Any]] = []
    open_, quiet = False, 0
    for i, x in enumerate(letters):
        if x == "n":
            continue
        quiet = quiet + 1 if x == "o" else 0
        if x == "a":
            if open_:
                found[-1][1], found[-1][3] = i, found[-1][3] + 1
            else:
                found.append([i, i, None, 1])
            open_ = True
        elif open_ and quiet == 2:
            found[-1][2], open_ = i, False
    return [(f[0], f[1], f[2], f[3]) for f in found]


@pytest.mark.parametrize(
    "letters",
    ["", "ooo", "a", "aoo", "aoao", "aooa", "aonoa", "anno", "anono", "awoo", "awow", "aoooooa", "ooaoo", "wwwa", "nnn", "oaoaooaoo"],
)
def test_incidents(results, letters: str) -> None:
    play(results, letters)
    day = results.day
    shown = [(i["opened_at"], i["last_seen_at"], i["resolved_at"], i["windows"], i["state"]) for i in incidents(results)]
    wanted = [
        (day(o), day(last + 1), None if r is None else day(r + 1), n, "open" if r is None else "resolved")
        for o, last, r, n in plain(letters)
    ]
    assert shown == wanted


def test_random_series(results) -> None:
    rng = random.Random(1)
    texts = {f"c{i}": "".join(rng.choice("aaooown") for _ in range(40)) for i in range(40)}
    names = {"a": "alert", "w": "warn", "o": "ok", "n": "none"}
    rows = [results.result("r1", i, names[x], column_name=c) for c, text in texts.items() for i, x in enumerate(text)]
    write.publish_results(results.wh, "drift", rows)
    shown: dict[str, list[Any]] = {c: [] for c in texts}
    for i in incidents(results):
        end = i["resolved_at"]
        shown[i["column_name"]].append(
            ((i["opened_at"] - results.day(0)).days, (i["last_seen_at"] - results.day(1)).days, end and (end - results.day(1)).days, i["windows"])
        )
    assert shown == {c: plain(text) for c, text in texts.items()}


def test_statistics_of_a_window_are_one_verdict_and_the_peak_is_furthest_beyond_its_limit(results) -> None:
    rows = [
        results.result("r1", 0, "alert", 0.30, statistic="psi", alert_threshold=0.25),
        results.result("r1", 0, "ok", 0.01, statistic="ks", alert_threshold=0.1),
        results.result("r1", 1, "ok", 0.01, statistic="psi"),
        results.result("r1", 1, "alert", -0.4, statistic="missing_rate_change", alert_threshold=0.05, reason="half is missing"),
        results.result("r1", 2, "alert", 0.9, statistic="psi", alert_threshold=0.25),
    ]
    write.publish_results(results.wh, "drift", rows)
    (one,) = incidents(results)
    assert (one["statistic"], one["peak_value"], one["peak_reason"]) == ("missing_rate_change", -0.4, "half is missing")
    assert one["first_reason"] == "alert on day 0" and one["severity"] == 2 and one["windows"] == 3
    assert one["peak_window_start"] == results.day(1) and one["opened_date"] == results.day(0).date()


def test_an_alert_without_a_value_or_with_an_extreme_one(results) -> None:
    results.decide("r1", 0, "alert", None, alert_threshold=None, statistic="column_state", reason="the column is gone")
    assert incidents(results)[0]["peak_value"] is None and incidents(results)[0]["first_reason"] == "the column is gone"
    results.decide("r1", 1, "alert", 1e308, alert_threshold=1e-308)
    assert incidents(results)[0]["peak_value"] == 1e308


def test_keys_are_apart_and_ids_are_stable(results) -> None:
    results.decide("r1", 0, "alert", column_name="a|b", segment="c")
    results.decide("r1", 0, "alert", column_name="b", segment="c|a")
    results.decide("r1", 0, "alert", segment="x=1")
    results.decide("r1", 0, "alert", comparison="weekly")
    before = {i["incident_id"] for i in incidents(results)}
    assert len(before) >= 3
    results.decide("r2", 1, "alert", column_name="a|b", segment="c")
    assert {i["incident_id"] for i in incidents(results, "column_name = 'a|b'")} <= before


def test_a_refreshed_baseline_continues_the_incident(results) -> None:
    """One window is one verdict: that of the baseline version it was last decided with."""
    for w in range(3):
        results.decide("r1", w, "alert")
    results.decide("r2", 2, "alert", baseline_version="b2")
    results.decide("r2", 3, "alert", baseline_version="b2")
    (one,) = incidents(results)
    assert one["windows"] == 4
    for w in range(4):
        results.decide("r3", w, "ok", baseline_version="b3")
    assert incidents(results) == []


def test_a_later_ok_for_a_restated_window_takes_its_alert_back(results) -> None:
    play(results, "oaoo")
    assert len(incidents(results)) == 1
    results.decide("r2", 1, "ok")
    assert incidents(results) == []
