"""A real Prometheus scrapes the text that `metrics` writes. Debian: apt install prometheus."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from warehouse_drift.reports.prometheus import exposition, samples

pytest.importorskip("prometheus_client")
PROMETHEUS = shutil.which("prometheus")
ROW = {"monitor": "orders", "comparison": "daily", "column_name": 'betrag "österr."', "statistic": "psi", "value": 0.31, "severity": 2, "alert_threshold": 0.25}


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


@pytest.mark.slow
@pytest.mark.skipif(PROMETHEUS is None, reason="there is no prometheus on the PATH")
def test_prometheus_scrapes_our_series(tmp_path: Path) -> None:
    assert PROMETHEUS is not None
    text = exposition(samples("p", [], [ROW] + [{**ROW, "monitor": "other"}] * 40, most=1)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    target = f"127.0.0.1:{server.server_port}"
    (tmp_path / "p.yml").write_text(
        json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [{"job_name": "drift", "static_configs": [{"targets": [target]}]}]})
    )
    process = subprocess.Popen(
        [PROMETHEUS, f"--config.file={tmp_path / 'p.yml'}", f"--storage.tsdb.path={tmp_path / 'db'}", f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        query = f"http://127.0.0.1:{port}/api/v1/query?query=" + urllib.parse.quote('{__name__=~"warehouse_drift_.+"}')
        found: list[dict[str, Any]] = []
        for _ in range(200):
            try:
                found = get(query)["data"]["result"]
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert process.poll() is None, "Prometheus ended"
            if found:
                break
            time.sleep(0.2)
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()
    values = {f["metric"]["__name__"]: (f["metric"], float(f["value"][1])) for f in found}
    assert set(values) == {f"warehouse_drift_{n}" for n in ("value", "severity", "alert_threshold", "series_left_out")}
    labels, value = values["warehouse_drift_value"]
    assert value == 0.31 and labels["column_name"] == 'betrag "österr."' and labels["monitor"] == "orders"
    assert values["warehouse_drift_series_left_out"][1] == 40.0
