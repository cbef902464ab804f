"""Which messages are due, without a database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse_drift.alerts.due import due, is_quiet, routed
from warehouse_drift.alerts.model import STATE, Due, Event, Silence, Told, times_beyond
from warehouse_drift.config.alerts import AlertsConfig, QuietHoursConfig

from .conftest import DAY, incident

NOW = datetime(2025, 1, 10, 12)


def alerts(*names: str, **more: Any) -> AlertsConfig:
    senders = [{"name": n, "webhook": "https://example.org/x"} for n in names or ("a",)]
    return AlertsConfig.model_validate({"senders": senders, **more})


def told_of(owed: list[Due]) -> list[Told]:
    """What senders know once these messages have arrived."""
    return [
        Told(d.sender, d.thread_id, i, d.monitor_id, d.comparison, times) for d in owed if d.event is not Event.RESOLVED for i, times in d.logged
    ]  # fmt: skip


def test_one_message_opens_all_columns_and_none_follows() -> None:
    some = [incident("i2", column_name="b", peak_value=0.3), incident("i1", opened_at=DAY - timedelta(days=1)), incident("i3", column_name="c")]
    (first,) = due(alerts(), some, [], {}, NOW)
    assert (first.event, first.thread_id, first.severity) == (Event.OPENED, "i1", "alert")
    assert [i.incident_id for i in first.incidents] == ["i1", "i3", "i2"], "the largest first"
    assert dict(first.logged) == {"i1": 2.0, "i2": 1.2, "i3": 2.0}
    assert due(alerts(), some, told_of([first]), {}, NOW + timedelta(days=1)) == []


def test_a_clearly_worse_peak_is_an_update_and_a_little_worse_is_none() -> None:
    told = [Told("a", "i1", "i1", "orders", "daily", 2.0)]
    assert due(alerts(), [incident(peak_value=0.74)], told, {}, NOW) == []
    (update,) = due(alerts(), [incident(peak_value=0.76)], told, {}, NOW)
    assert (update.event, update.thread_id, update.fresh, update.severity) == (Event.UPDATED, "i1", {"i1"}, "critical")
    assert dict(update.logged) == {"i1": pytest.approx(3.04)}
    assert due(alerts(worse=2), [incident(peak_value=0.76)], told, {}, NOW) == []


def test_a_new_column_joins_the_thread_and_the_old_ones_are_shown() -> None:
    told = [Told("a", "i1", "i1", "orders", "daily", 2.0)]
    (update,) = due(alerts(), [incident(), incident("i2", column_name="b", peak_value=0.3)], told, {}, NOW)
    assert (update.event, update.thread_id, update.fresh) == (Event.UPDATED, "i1", {"i2"})
    assert {i.incident_id for i in update.incidents} == {"i1", "i2"} and dict(update.logged) == {"i2": 1.2}


def test_the_resolve_comes_when_all_are_resolved_also_the_withdrawn_ones() -> None:
    told = [Told("a", "i1", "i1", "orders", "daily", 2.0), Told("a", "i1", "gone", "orders", "daily", 2.0)]
    over = incident(state="resolved", resolved_at=DAY + timedelta(days=3))
    assert due(alerts(), [over, incident("gone", column_name="b")], told, {}, NOW) == []
    (resolved,) = due(alerts(), [over], told, {}, NOW)
    assert (resolved.event, resolved.thread_id) == (Event.RESOLVED, "i1") and {i for i, _ in resolved.logged} == {"i1", "gone"}
    (empty,) = due(alerts(), [], told[1:], {}, NOW)
    assert empty.event is Event.RESOLVED and empty.incidents == ()


def test_a_new_incident_after_the_end_of_a_thread_opens_the_next() -> None:
    told = [Told("a", "i1", "i1", "orders", "daily", 2.0)]
    owed = due(alerts(), [incident(state="resolved"), incident("i2", column_name="b")], told, {}, NOW)
    assert [(d.event, d.thread_id) for d in owed] == [(Event.RESOLVED, "i1"), (Event.OPENED, "i2")]


def test_an_incident_that_came_and_went_between_runs_is_not_told() -> None:
    assert due(alerts(), [incident(state="resolved")], [], {}, NOW) == []


def test_two_threads_of_two_runs_at_once_end_each() -> None:
    told = [Told("a", "i1", "i1", "orders", "daily", 2.0), Told("a", "i2", "i2", "orders", "daily", 2.0)]
    (update,) = due(alerts(), [incident(), incident("i2"), incident("i3")], told, {}, NOW)
    assert update.thread_id == "i1" and update.fresh == {"i3"}
    assert {d.thread_id for d in due(alerts(), [], told, {}, NOW)} == {"i1", "i2"}


def test_ack_and_mute() -> None:
    told = [Told("a", "i1", "i1", "orders", "daily", 2.0)]
    worse, new = incident(peak_value=2.0), incident("i2", column_name="b")
    acked = {"i1": Silence(acked=True)}
    assert due(alerts(), [worse], told, acked, NOW) == []
    (update,) = due(alerts(), [worse, new], told, acked, NOW)
    assert update.fresh == {"i2"}, "another column is another matter"
    muted = {"i1": Silence(muted_until=NOW + timedelta(hours=1))}
    assert due(alerts(), [worse], told, muted, NOW) == [] and due(alerts(), [worse], [], muted, NOW) == []
    assert due(alerts(), [worse], told, muted, NOW + timedelta(hours=1))[0].event is Event.UPDATED
    assert due(alerts(), [incident(state="resolved")], told, muted, NOW)[0].event is Event.RESOLVED


ROUTES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {}, True),
    ({"monitors": "ord*"}, {}, True),
    ({"monitors": ["x", "y"]}, {}, False),
    ({"columns": "am*"}, {}, True),
    ({"columns": ":table"}, {}, False),
    ({"columns": ":table"}, {"column_name": ":table"}, True),
    ({"owners": "@risk"}, {}, True),
    ({"owners": "@risk"}, {"owner": ""}, False),
    ({"tags": ["tier1", "x"]}, {}, True),
    ({"tags": ["x"]}, {}, False),
    ({"severity": "critical"}, {}, False),
    ({"severity": "critical"}, {"peak_value": 0.75}, True),
    ({"severity": "critical"}, {"peak_value": None}, True),
]


@pytest.mark.parametrize(("route", "changes", "goes"), ROUTES)
def test_routes(route: dict[str, Any], changes: dict[str, Any], goes: bool) -> None:
    config = alerts("a", "b", routes=[{"to": "a", **route}])
    assert routed(config, "a", incident(**changes)) is goes and not routed(config, "b", incident(**changes))


def test_no_route_means_everything_to_everyone_and_a_least_severity_holds_for_all() -> None:
    assert [d.sender for d in due(alerts("a", "b"), [incident()], [], {}, NOW)] == ["a", "b"]
    assert due(alerts("a", severity="critical"), [incident()], [], {}, NOW) == []
    assert due(alerts("a", severity="critical"), [incident(peak_value=9.0)], [], {}, NOW)[0].severity == "critical"


@pytest.mark.parametrize(
    ("start", "end", "zone", "hour", "quiet"),
    [
        ("22:00", "07:00", "UTC", 23, True), ("22:00", "07:00", "UTC", 6, True), ("22:00", "07:00", "UTC", 7, False),
        ("22:00", "07:00", "Europe/Berlin", 21, True), ("22:00", "07:00", "Europe/Berlin", 6, False), ("12:00", "13:00", "UTC", 12, True),
        ("12:00", "13:00", "UTC", 13, False),
    ],
)  # fmt: skip
def test_quiet_hours(start: str, end: str, zone: str, hour: int, quiet: bool) -> None:
    hours = {"from": start, "to": end, "time_zone": zone}
    now = datetime(2025, 1, 10, hour)
    assert is_quiet(QuietHoursConfig.model_validate(hours), now) is quiet
    held = due(alerts(quiet_hours=hours), [incident()], [], {}, now)
    assert (held == []) is quiet, "what is held is due after them"
    assert due(alerts(quiet_hours=hours), [incident(peak_value=9.0)], [], {}, now), "critical goes at any hour"
    assert (due(alerts(quiet_hours={**hours, "critical": False}), [incident(peak_value=9.0)], [], {}, now) == []) is quiet


def test_sizes() -> None:
    assert times_beyond("psi", -0.5, 0.25) == 2.0
    assert times_beyond("row_count", 0.5, 0.5) == pytest.approx(2.0) == times_beyond("row_count", 2.0, 0.5)
    assert times_beyond("row_count", 0.0, 0.5) == times_beyond("psi", None, None) == times_beyond("psi", 1e300, 1e-300) == STATE


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["open", "worse", "resolved", "gone"])), max_size=25))
def test_any_history_tells_each_opening_once_and_each_end_once(history: list[tuple[int, str]]) -> None:
    """Whatever happens to four columns: no message without news, and a thread that was opened ends when nothing is open."""
    now, sizes, states = NOW, dict.fromkeys("0123", 0.3), dict.fromkeys("0123", "gone")
    told: list[Told] = []
    for column, what in history:
        c = str(column)
        states[c] = "open" if what == "worse" else what
        sizes[c] = sizes[c] * (2.0 if what == "worse" else 1.0)
        now += timedelta(days=1)
        some = [incident(c, column_name=c, peak_value=sizes[c], state=s) for c, s in states.items() if s != "gone"]
        owed = due(alerts(), some, told, {}, now)
        for d in owed:
            if d.event is Event.RESOLVED:
                told = [t for t in told if t.thread_id != d.thread_id]
        fresh = told_of(owed)
        told = [t for t in told if t.incident_id not in {f.incident_id for f in fresh}] + fresh
        assert due(alerts(), some, told, {}, now) == [], "nothing is said twice"
        open_now = {c for c, s in states.items() if s == "open"}
        assert open_now <= {t.incident_id for t in told} and (bool(told) == bool(open_now))
