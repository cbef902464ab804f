"""From decisions in the result schema to what a receiver gets, and to the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from warehouse_drift.alerts import send
from warehouse_drift.alerts import store as reads
from warehouse_drift.alerts.stage import tell
from warehouse_drift.config.model import Config
from warehouse_drift.results import read

from .conftest import Receiver, Store

Configure = Callable[..., Config]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "BACK_OFF", (0.01,))


def run(given: Store, config: Config) -> tuple[str, ...]:
    given.runs += 1
    return tell(given.wh, config, config.monitors, f"run{given.runs}")


def test_the_life_of_an_incident(store: Store, receiver: Receiver, configure: Configure) -> None:
    config = configure({"senders": [{"name": "hook", "webhook": receiver.url}], "report_url": "https://bi.example.org"})
    assert run(store, config) == ()
    store.decide(0, "alert")
    assert run(store, config) == ("alerts  hook: 1 opened",)
    store.decide(1, "alert")
    assert run(store, config) == () and len(receiver.got) == 1, "the same again is not news"
    store.decide(2, "alert", 0.8)
    assert run(store, config) == ("alerts  hook: 1 updated",)
    store.decide(2, "alert", 0.3, column="other")
    assert run(store, config) == ("alerts  hook: 1 updated",)
    store.decide(3, "ok", 0.0)
    store.decide(4, "ok", 0.0)
    assert run(store, config) == (), "one column of two"
    for n in (3, 4):
        store.decide(n, "ok", 0.0, column="other")
    assert run(store, config) == ("alerts  hook: 1 resolved",)
    assert run(store, config) == ()
    assert receiver.events == ["opened", "updated", "updated", "resolved"]
    assert len({b["dedup_key"] for b in receiver.bodies}) == 1
    first, worse, joined, end = receiver.bodies
    assert first["top_bins"][0]["bin"] == "low" and first["top_bins"][0]["share_of_drift"] == pytest.approx(0.6)
    assert [i["fresh"] for i in worse["incidents"]] == [True] and worse["incidents"][0]["peak_value"] == 0.8 and worse["severity"] == "critical"
    assert {i["column_name"]: i["fresh"] for i in joined["incidents"]} == {"amount": False, "other": True}
    assert end["resolved_at"] == "2025-01-06T00:00:00Z" and "peak: alert 0.8 on day 2" in end["text"]
    assert all(b["report_url"] == "https://bi.example.org" for b in receiver.bodies)
    assert [(r["event"], r["state"], r["run_id"]) for r in store.log()] == [
        ("opened", "sent", "run2"), ("updated", "sent", "run4"), ("updated", "sent", "run5"), ("resolved", "sent", "run7"), ("resolved", "sent", "run7"),
    ]  # fmt: skip
    store.decide(5, "alert")
    run(store, config)
    assert receiver.events[-1] == "opened" and receiver.bodies[-1]["dedup_key"] != first["dedup_key"]


def test_a_dead_receiver_fails_nothing_and_loses_nothing(store: Store, receiver: Receiver, hole: str, configure: Configure) -> None:
    senders = [{"name": "good", "webhook": receiver.url}, {"name": "dead", "webhook": "${HOLE}"}]
    config = configure({"senders": senders, "timeout": "0.3 seconds"}, {"HOLE": hole + "/s3cr3tt0ken"})
    store.decide(0, "alert")
    said = run(store, config)
    assert said[0] == "alerts  good: 1 opened" and said[1].startswith("alerts  dead: 1 FAILED (no ") and "next run" in said[1]
    failed = [r for r in store.log() if r["state"] == "failed"]
    assert [(r["sender"], r["event"]) for r in failed] == [("dead", "opened")]
    assert failed[0]["error"] and "s3cr3t" not in json.dumps(store.log(), default=str) + str(said)
    back = configure({"senders": [senders[0], {"name": "dead", "webhook": receiver.url + "/back"}]})
    assert run(store, back) == ("alerts  dead: 1 opened",)
    assert receiver.events == ["opened", "opened"] and receiver.got[1][0] == "/back"
    assert run(store, back) == ()


def test_a_lost_resolve_is_sent_by_the_next_run(store: Store, receiver: Receiver, configure: Configure) -> None:
    config = configure({"senders": [{"name": "hook", "webhook": receiver.url}]})
    store.decide(0, "alert")
    run(store, config)
    store.decide(1, "ok", 0.0)
    store.decide(2, "ok", 0.0)
    receiver.answers = [400]
    assert "FAILED (HTTP 400)" in run(store, config)[0]
    receiver.answers = [200]
    assert run(store, config) == ("alerts  hook: 1 resolved",)


def test_an_alert_that_newer_decisions_withdraw_is_resolved(store: Store, receiver: Receiver, configure: Configure) -> None:
    config = configure({"senders": [{"name": "hook", "webhook": receiver.url}]})
    store.decide(0, "alert")
    run(store, config)
    store.decide(0, "ok", 0.0, run="later")
    assert run(store, config) == ("alerts  hook: 1 resolved",)
    assert "no alert any more" in receiver.bodies[-1]["text"] and receiver.bodies[-1]["incidents"] == []


def test_other_monitors_senders_and_projects_are_left_alone(store: Store, receiver: Receiver, configure: Configure) -> None:
    config = configure({"senders": [{"name": "hook", "webhook": receiver.url}]})
    store.decide(0, "alert")
    store.decide(0, "alert", monitor="not_configured")
    store.decide(0, "alert", project="q")
    run(store, config)
    assert [b["monitor"] for b in receiver.bodies] == ["orders"] and len(store.log()) == 1
    renamed = configure({"senders": [{"name": "other", "webhook": receiver.url}]})
    assert run(store, renamed) == ("alerts  other: 1 opened",)


def test_a_schema_that_cannot_be_read_is_a_line(store: Store, receiver: Receiver, configure: Configure) -> None:
    config = configure({"senders": [{"name": "hook", "webhook": receiver.url}]})
    store.decide(0, "alert")
    store.wh.execute("DROP TABLE drift.wd_alert_log", name="t")
    (line,) = run(store, config)
    assert line.startswith("alerts  FAILED: ") and line.endswith("next run") and receiver.got == []


def test_no_sender_asks_nothing(store: Store, configure: Configure) -> None:
    before = store.wh.stats.statements
    assert run(store, configure({})) == () and store.wh.stats.statements == before


def test_what_people_said_is_read_newest_first(store: Store, configure: Configure) -> None:
    config = configure({})
    now = read.now(store.wh)
    reads.say(store.wh, config, ["i1"], "mute", at=now, until=now + timedelta(days=9), why="promotion")
    reads.say(store.wh, config, ["i1", "i2"], "ack", at=now)
    reads.say(store.wh, config, ["i1"], "mute", at=now + timedelta(seconds=1), until=now, why="it is over")
    found: Any = reads.silences(store.wh, config, ["i1", "i2", "i3"])
    assert set(found) == {"i1", "i2"} and found["i1"].acked and found["i2"].acked
    assert found["i1"].why == "it is over" and not found["i1"].mutes(now) and found["i2"].muted_until is None

