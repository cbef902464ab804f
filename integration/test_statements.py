"""What a DBA sees of a run and may do to it: names in the server's list of sessions, time limits, cancelled statements."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integration.engines import Engine

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
def server(engines: Callable[[str], Engine]) -> Iterator[tuple[str, Any]]:
    """The URL, and a cursor of a DBA. The view reads five rows a second, so that a statement can be met while it runs."""
    import psycopg2

    engine = engines("postgres")
    begin = datetime(2026, 1, 1)
    engine.load({"slow_rows": {"x": [float(i) for i in range(300)], "ts": [begin + timedelta(hours=i) for i in range(300)]}})  # fmt: skip
    connection = psycopg2.connect(engine.url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("DROP SCHEMA IF EXISTS slow_drift CASCADE")
    cursor.execute("CREATE OR REPLACE VIEW slow_view AS SELECT x, ts FROM slow_rows WHERE x < 0 OR PG_SLEEP(0.2) IS NOT NULL")  # fmt: skip
    yield engine.url, cursor
    cursor.execute("DROP VIEW IF EXISTS slow_view")
    connection.close()


def started(folder: Path, url: str, more: str = "") -> subprocess.Popen[str]:
    (folder / "drift.yml").write_text(
        f"version: 1\nproject: shop\nwarehouse: {{url: '{url}', result_schema: slow_drift{more}}}\nmonitors:\n"
        "  - {name: tired, relation: slow_view, timestamp: ts, columns: [x], baseline: {from: 2026-01-01, to: 2026-01-08},"
        " comparisons: [{name: daily, window: day, against: baseline}]}\n"
    )
    command = [sys.executable, "-m", "warehouse_drift", "run", "-c", str(folder / "drift.yml")]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
        # a shell starts its background jobs, and so these tests' children, with Ctrl-C ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def refused(process: subprocess.Popen[str], cursor: Any, *words: str) -> None:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    assert "Traceback" not in out + err and all(w in out + err for w in words), out + err
    cursor.execute("SELECT COUNT(*) FROM pg_views WHERE schemaname = 'slow_drift' AND viewname = 'drift_history'")
    if cursor.fetchone()[0]:
        for view in ("drift_history", "profile_history", "drift_latest"):
            cursor.execute(f"SELECT COUNT(*) FROM slow_drift.{view}")
            assert cursor.fetchone()[0] == 0, view


def session(cursor: Any) -> tuple[int, str, str]:
    """Process, application name and text of our statement over the slow view."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        cursor.execute(
            "SELECT pid, application_name, query FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%slow_view%' AND pid <> PG_BACKEND_PID()"
        )
        if (row := cursor.fetchone()) is not None:
            return int(row[0]), str(row[1]), str(row[2])
        time.sleep(0.05)
    raise AssertionError("the run never read the view")


@pytest.mark.slow
def test_a_statement_bears_its_project_and_can_be_cancelled(server: tuple[str, Any], tmp_path: Path) -> None:
    url, cursor = server
    process = started(tmp_path, url)
    pid, application, query = session(cursor)
    assert application.startswith("warehouse_drift project=shop")
    assert query.rstrip().endswith("*/") and "warehouse_drift project=shop" in query
    cursor.execute("SELECT PG_CANCEL_BACKEND(%s)", (pid,))
    refused(process, cursor, "canceling statement due to user request")


@pytest.mark.slow
def test_ctrl_c_stops_the_statement_on_the_server(server: tuple[str, Any], tmp_path: Path) -> None:
    url, cursor = server
    process = started(tmp_path, url)
    pid, _, _ = session(cursor)
    process.send_signal(signal.SIGINT)
    refused(process, cursor, "interrupted; nothing half done is visible")
    cursor.execute("SELECT COUNT(*) FROM pg_stat_activity WHERE pid = %s AND state = 'active'", (pid,))
    assert cursor.fetchone()[0] == 0


@pytest.mark.slow
def test_a_statement_timeout(server: tuple[str, Any], tmp_path: Path) -> None:
    url, cursor = server
    refused(started(tmp_path, url, ", statement_timeout: 1 second"), cursor, "canceling statement due to statement timeout")


@pytest.mark.slow
def test_a_server_that_goes_away(server: tuple[str, Any], tmp_path: Path) -> None:
    """A read comes again on a new session, a few times; who does not want it sees its end."""
    url, cursor = server
    process, met = started(tmp_path, url), []
    for _ in range(4):
        met.append(session(cursor)[0])
        cursor.execute("SELECT PG_TERMINATE_BACKEND(%s, 5000)", (met[-1],))
    refused(process, cursor, "closed the connection", "It was tried 4 times", "is sent again in")
    assert len(set(met)) == 4
