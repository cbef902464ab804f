"""Metrics at a gateway and at an OTLP receiver on this machine, each in its real protocol."""

from __future__ import annotations

import base64
import gzip
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from warehouse_drift import cli
from warehouse_drift.errors import DriftError, UsageError
from warehouse_drift.reports.metrics_push import push, send_otlp
from warehouse_drift.reports.prometheus import Sample, exposition, samples

pytest.importorskip("prometheus_client", reason="pip install 'warehouse-drift[prometheus]'")
Parsed = dict[tuple[str, frozenset[tuple[str, str]]], float]
STATUS = {
    "monitor": "orders", "ok_count": 2, "warn_count": 1, "alert_count": 2, "none_count": 0, "open_incidents": 2, "stale": True,
    "last_run_state": "finished", "last_window_end": datetime(2025, 1, 2), "last_run_finished_at": None,
}  # fmt: skip
ROW = {"monitor": "orders", "comparison": "daily", "column_name": 'e "q"\\\n', "statistic": "psi", "value": 0.3, "severity": 2, "alert_threshold": 0.25}
FOUND: list[Sample] = samples("p", [STATUS], [ROW, {**ROW, "column_name": "b"}], most=1)


def parsed(text: str) -> Parsed:
    from prometheus_client.parser import text_string_to_metric_families

    return {(s.name, frozenset(s.labels.items())): s.value for f in text_string_to_metric_families(text) for s in f.samples}


class Sink:
    """Keeps (method, path, headers, body) of every request and answers ``code``."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, dict[str, str], bytes]] = []
        self.code = 200
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.got.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(sink.code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT

            def log_message(self, *_: object) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_pushgateway_gets_them_in_a_group_of_the_project(sink: Sink) -> None:
    push(FOUND, f"http://me:s3cr3t%40x@{sink.address}", "drift", "p")
    ((method, path, headers, body),) = sink.got
    assert (method, path) == ("PUT", "/metrics/job/drift/project/p")
    assert base64.b64decode(headers["authorization"].split()[1]) == b"me:s3cr3t@x"
    assert parsed(body.decode()) == parsed(exposition(FOUND)) and len(parsed(body.decode())) == len(FOUND)
    sink.code = 400
    with pytest.raises(DriftError, match="did not take the metrics") as caught:
        push(FOUND, f"http://me:s3cr3t%40x@{sink.address}", "drift", "p")
    assert "s3cr3t" not in str(caught.value)


def test_otlp_holds_the_same(sink: Sink) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="pip install 'warehouse-drift[otlp]'")
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    send_otlp(FOUND, f"http://{sink.address}/v1/metrics")
    ((_, path, headers, body),) = sink.got
    assert path == "/v1/metrics" and headers["content-type"] == "application/x-protobuf"
    raw = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
    found: Parsed = {}
    for resource in ExportMetricsServiceRequest.FromString(raw).resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for p in metric.gauge.data_points:
                    labels = frozenset((a.key, a.value.string_value) for a in p.attributes)
                    found[metric.name, labels] = p.as_double if p.HasField("as_double") else float(p.as_int)
    assert found == parsed(exposition(FOUND))


def test_otlp_that_is_refused_is_a_sentence(sink: Sink) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="pip install 'warehouse-drift[otlp]'")
    sink.code = 400
    with pytest.raises(DriftError, match=r"127\.0\.0\.1 did not take the metrics"):
        send_otlp(FOUND, f"http://{sink.address}/v1/metrics")


def test_without_its_package_otlp_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics", None)
    with pytest.raises(UsageError, match=r"warehouse-drift\[otlp\]"):
        send_otlp(FOUND, "http://127.0.0.1:9/v1/metrics")


def test_the_command_pushes(config: str, sink: Sink, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["warehouse-drift", "metrics", "-c", config, "--pushgateway", f"http://{sink.address}", "--job", "j"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code and capsys.readouterr().out == ""
    assert sink.got[0][1].startswith("/metrics/job/j/project") and b"warehouse_drift_open_incidents{" in sink.got[0][3]
