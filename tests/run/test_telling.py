"""A run from source rows to what a receiver gets; a dead receiver changes neither results nor the exit."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .conftest import BASE_DAYS, World, day, rows_of


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


def tells(world: World, **senders: str) -> None:
    root = json.loads(Path(world.yml).read_text())
    root["alerts"] = {"senders": [{"name": n, "webhook": u} for n, u in senders.items()], "timeout": "1 second"}
    Path(world.yml).write_text(json.dumps(root))


def test_a_shift_is_told_once_and_its_end_once(worlds: Any, inbox: tuple[str, list[dict[str, Any]]]) -> None:
    url, got = inbox
    world: World = worlds("told")
    world.insert(rows_of(range(BASE_DAYS)))
    for n in range(8):
        world.insert(rows_of([BASE_DAYS + n], shift=4.0 if n in (1, 2, 3) else 0.0))
    world.configure(comparisons=[{"name": "daily", "window": "day", "k_of_n": "1 of 1"}], columns=["x"])
    tells(world, hook=url, dead="http://127.0.0.1:9/s3cr3t-path")
    lines: list[str] = []
    for n in range(1, 8):
        done = world.run(as_of=f"{day(BASE_DAYS + n):%Y-%m-%d}")
        lines += [line for line in done.lines if line.startswith("alerts")]
    assert [m["event"] for m in got] == ["opened", "resolved"] and len({m["dedup_key"] for m in got}) == 1
    opened, resolved = got
    assert [i["column_name"] for i in opened["incidents"]] == ["x"] and opened["opened_at"].startswith(f"{day(BASE_DAYS + 1):%Y-%m-%d}")
    assert opened["top_bins"] and opened["top_bins"][0]["share_of_drift"] > 0.2 and "explain m x" in opened["next"][0]
    assert resolved["resolved_at"].startswith(f"{day(BASE_DAYS + 6):%Y-%m-%d}")
    assert sum("dead: 1 FAILED" in line for line in lines) >= 3 and not any("s3cr3t" in line for line in lines)
    (incident,) = world.q("SELECT incident_id FROM {s}.drift_alerts")
    assert incident["incident_id"] == opened["dedup_key"]
    states = world.q("SELECT sender, event, state, COUNT(*) AS n FROM {s}.wd_alert_log GROUP BY ALL ORDER BY ALL")
    assert [(r["sender"], r["event"], r["state"]) for r in states] == [("dead", "opened", "failed"), ("hook", "opened", "sent"), ("hook", "resolved", "sent")]


def test_a_backfill_tells_nobody(world: World, inbox: tuple[str, list[dict[str, Any]]]) -> None:
    url, got = inbox
    world.insert(rows_of([BASE_DAYS + 2], shift=9.0, per_day=400))
    tells(world, hook=url)
    world.run(as_of=f"{day(BASE_DAYS):%Y-%m-%d}")
    world.backfill(BASE_DAYS, BASE_DAYS + 7)
    assert got == [] and world.q("SELECT COUNT(*) AS n FROM {s}.wd_alert_log") == [{"n": 0}]
