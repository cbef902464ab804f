"""Alerting reads and writes its tables on every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from integration.engines import ENGINES, Engine
from tests.alerts import conftest as alerting
from tests.alerts.conftest import Receiver, Store
from warehouse_drift.alerts import store as reads
from warehouse_drift.alerts.stage import tell
from warehouse_drift.config.model import Config
from warehouse_drift.results import migrate, read
from warehouse_drift.warehouse.connect import open_warehouse

pytestmark = pytest.mark.slow
receiver, configure = alerting.receiver, alerting.configure


@pytest.fixture
def store(engine_name: str, engines: Callable[[str], Engine]) -> Iterator[Store]:
    """Where whole monitors run: elsewhere there are no incidents to tell of."""
    for kind in ("notimpl", "notyet", "never"):
        if why := ENGINES[engine_name].get(kind, {}).get("test_the_monitor_flow"):
            pytest.skip(f"{engine_name}: {why}")
    engine = engines(engine_name)
    with open_warehouse(engine.url, connect_args=engine.connect_args) as wh:
        # an engine without a catalog to ask is new, and nothing else made this schema
        if wh.dialect.catalog_views and wh.fetch("SELECT 1 AS found FROM information_schema.schemata WHERE schema_name = 'drift'", name="test"):
            wh.execute("DROP SCHEMA drift CASCADE", name="test")
        migrate.create_all(wh, "drift")
        yield Store(wh)


def test_the_life_of_an_incident_and_what_people_say(
    store: Store, receiver: Receiver, configure: Callable[..., Config]
) -> None:
    config = configure({"senders": [{"name": "hook", "webhook": receiver.url}]}, on_alert={"webhook": receiver.url + "/hook"})

    def run(n: int) -> list[str]:
        return sorted(tell(store.wh, config, config.monitors, f"run{n}"))

    store.decide(0, "alert")
    assert run(1) == ["alerts  hook: 1 opened", "on_alert  orders: called"]
    store.decide(1, "alert", 0.8)
    assert run(2) == ["alerts  hook: 1 updated"]
    (incident,) = reads.incidents(store.wh, config, config.monitors)
    now = read.now(store.wh)
    reads.say(store.wh, config, [incident.incident_id], "mute", at=now, until=now + timedelta(days=1), why="it's known")
    reads.say(store.wh, config, [incident.incident_id], "ack", at=now)
    silence = reads.silences(store.wh, config, [incident.incident_id])[incident.incident_id]
    assert silence.acked and silence.why == "it's known" and silence.mutes(now)
    store.decide(2, "alert", 3.0)
    assert run(3) == []
    for n in (3, 4):
        store.decide(n, "ok", 0.0)
    assert run(4) == ["alerts  hook: 1 resolved"]
    people = [b for path, _, b in receiver.got if path == "/"]
    assert [b["event"] for b in people] == ["opened", "updated", "resolved"] and people[0]["top_bins"][0]["bin"] == "low"
