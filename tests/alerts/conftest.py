"""Receivers on 127.0.0.1 that keep what they get, and a result schema with hand-written decisions."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from warehouse_drift.alerts.model import Incident
from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config
from warehouse_drift.results import migrate, read, write
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

DAY = datetime(2025, 1, 1)


class Receiver:
    """``got``: (path, headers, JSON body) of every request. ``answers``: status codes to give, the last for ever."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], Any]] = []
        self.answers = [200]
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(raw)))
                code = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                self.send_response(code)
                if code in (301, 302):
                    self.send_header("Location", "/elsewhere")
                body = b"ok" if "slack" in self.path else b'{"status": "success", "ok": true, "result": "Request will be processed", "requestId": "r"}'
                body = body if code < 300 else b"no"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.got]

    @property
    def events(self) -> list[str]:
        return [b["event"] for b in self.bodies]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def hole() -> Iterator[str]:
    """A URL that takes connections and never answers."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(8)
        yield f"http://127.0.0.1:{s.getsockname()[1]}/x"


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Config]:
    """A configuration with one monitor and these ``alerts``."""

    def made(alerts: dict[str, Any], env: dict[str, str] | None = None, **monitor: Any) -> Config:
        given = {"name": "orders", "relation": "r", "owner": "@risk", "tags": ["tier1"], "baseline": {"relation": "r"}, **monitor}
        root = {"version": 1, "project": "p", "warehouse": {"url": "duckdb:///x.duckdb"}, "alerts": alerts, "monitors": [given]}
        (tmp_path / "drift.yml").write_text(json.dumps(root))
        return load_config(tmp_path / "drift.yml", env or {})

    return made


def incident(id_: str = "i1", **changes: Any) -> Incident:
    given: dict[str, Any] = {
        "incident_id": id_, "monitor_id": "orders", "monitor": "orders", "comparison": "daily", "segment": "all", "column_name": "amount",
        "statistic": "psi", "owner": "@risk", "tags": ("tier1",), "opened_at": DAY, "opened_date": "2025-01-01", "last_seen_at": DAY + timedelta(days=1),
        "resolved_at": None, "peak_value": 0.5, "peak_threshold": 0.25, "peak_window_start": DAY, "peak_reason": "PSI 0.5, limit 0.25.",
        "windows": 1, "state": "open", **changes,
    }  # fmt: skip
    return Incident(**given)


class Store:
    """A result schema in memory. ``decide`` publishes one decision of column ``column`` in the window of day ``n``;
    another ``run`` replaces the whole window."""

    def __init__(self, wh: Warehouse) -> None:
        self.wh = wh
        self.runs = 0

    def decide(self, n: int, decision: str, value: float = 0.5, column: str = "amount", run: str = "r", **more: Any) -> None:
        at = DAY + timedelta(days=n)
        row = {
            "project": "p", "monitor": "orders", "baseline_version": "b1", "comparison": "daily", "comparison_kind": "baseline", "window_start": at,
            "window_end": at + timedelta(days=1), "window_date": at.date(), "time_zone": "UTC", "granularity": "day", "is_complete": True,
            "segment": "all", "column_name": column, "column_kind": "numeric", "role": "feature", "statistic": "psi", "value": value,
            "n_reference": 100, "n_current": 10, "warn_threshold": 0.1, "alert_threshold": 0.25, "decision": decision,
            "reason": f"{decision} {value} on day {n}.", "reason_code": None, "run_id": run, "decided_at": read.now(self.wh), "config_hash": "h", **more,
        }  # fmt: skip
        rows = [row]
        if column == "amount":
            shares = [("low", 0.5, 0.1, 0.3), ("high", 0.5, 0.9, 0.2)]
            bins = [
                {**{k: row[k] for k in ("project", "monitor", "comparison", "window_start", "window_end", "window_date", "baseline_version", "segment", "column_name", "run_id")},
                 "bin_index": i, "bin_label": label, "count_reference": 50, "count_current": 9, "share_reference": a, "share_current": b, "contribution": c}
                for i, (label, a, b, c) in enumerate(shares)
            ]  # fmt: skip
        else:
            bins = []
        write.insert_rows(self.wh, "drift", "wd_results", rows)
        if bins:
            write.insert_rows(self.wh, "drift", "wd_bins", bins)
        known = {k: row[k] for k in (*write.WINDOW, "run_id", "is_complete", "decided_at", "config_hash")}
        write.insert_rows(self.wh, "drift", "wd_windows", [{**known, "state": "decided"}])

    def log(self) -> list[dict[str, Any]]:
        return self.wh.fetch("SELECT * FROM drift.wd_alert_log ORDER BY sent_at, sender, incident_id", name="log")


@pytest.fixture
def store() -> Iterator[Store]:
    with open_warehouse("duckdb:///:memory:") as wh:
        migrate.create_all(wh, "drift")
        yield Store(wh)
