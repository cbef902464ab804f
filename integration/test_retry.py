"""A real server that ends sessions and finds deadlocks: reads come through, and a run is whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from markupsafe import Markup

from integration.cases import days
from integration.engines import Engine
from integration.test_run import BASE, DAYS, table_of, written
from warehouse_drift import verbs_run
from warehouse_drift.errors import QueryError
from warehouse_drift.pipeline.session import Session
from warehouse_drift.warehouse import retry
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

pytestmark = pytest.mark.xdist_group("postgres")
PID = "SELECT PG_BACKEND_PID() AS pid, CURRENT_SETTING('application_name') AS app, CURRENT_SETTING('statement_timeout') AS most, CURRENT_SETTING('jit') AS jit"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.05)


def ends(engine: Engine, pid: int) -> None:
    connection = psycopg2.connect(engine.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT PG_TERMINATE_BACKEND(%s)", (pid,))
        until = time.monotonic() + 10
        while cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)) or cursor.fetchone():  # until it is gone
            assert time.monotonic() < until
    connection.close()


def test_a_session_that_is_ended_between_statements(engines: Callable[[str], Engine]) -> None:
    engine = engines("postgres")
    with open_warehouse(engine.url) as warehouse:
        warehouse.labelled(project="p", monitor="m")
        warehouse.limited(77)
        before = warehouse.fetch(PID, name="who")[0]
        ends(engine, before["pid"])
        after = warehouse.fetch(PID, name="who")[0]
        assert after["pid"] != before["pid"] and {**after, "pid": 0} == {**before, "pid": 0}
        assert (after["most"], after["jit"]) == ("77s", "off") and "monitor=m" in after["app"]
        assert len(warehouse.stats.repeated) == 1 and warehouse.stats.repeated[0].startswith("who is sent again")
        with pytest.raises(QueryError, match="The warehouse refused who") as caught, Session(warehouse) as session:
            session.scratch("one", "profile/row_count", source=Markup("(SELECT 1)"), filter=None)
            ends(engine, after["pid"])
            warehouse.fetch(PID, name="who")
        assert caught.value.transient == "lost" and len(warehouse.stats.repeated) == 1, "what is gone is not read again"


def test_a_deadlock(engines: Callable[[str], Engine]) -> None:
    """Our read holds a lock on one table and waits for the other's; the server ends one of the two after a second."""
    engine = engines("postgres")
    engine.load({"lock_a": {"x": [1.0]}, "lock_b": {"x": [2.0]}})
    other = psycopg2.connect(engine.url)
    cursor = other.cursor()
    cursor.execute("SET deadlock_timeout = '60s'")
    other.commit()
    cursor.execute("LOCK TABLE lock_b IN ACCESS EXCLUSIVE MODE")

    def cross() -> None:
        time.sleep(0.3)
        cursor.execute("LOCK TABLE lock_a IN ACCESS EXCLUSIVE MODE")
        other.commit()

    thread = threading.Thread(target=cross)
    with open_warehouse(engine.url) as warehouse:
        thread.start()
        found = warehouse.fetch("SELECT x FROM lock_a UNION ALL SELECT x FROM lock_b", name="both")
        thread.join(30)
        assert sorted(r["x"] for r in found) == [1.0, 2.0]
        assert len(warehouse.stats.repeated) == 1 and "deadlock detected" in warehouse.stats.repeated[0]
    other.close()


@pytest.mark.slow
def test_a_run_goes_on(engines: Callable[[str], Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is ended as a monitor's run begins: nothing is missing, and the run's record says what happened."""
    engine = engines("postgres")
    engine.load({"retried": table_of(engine, [*days(0, BASE), *days(BASE, DAYS, shift=1.0)])})
    yml = written(tmp_path, engine, "retried")
    begin, ended = verbs_run.run_monitor, []

    def begins(warehouse: Warehouse, *given: Any) -> Any:
        ended.append(warehouse.fetch(PID, name="who")[0]["pid"])
        ends(engine, ended[0])
        return begin(warehouse, *given)

    monkeypatch.setattr(verbs_run, "run_monitor", begins)
    done = verbs_run.run(yml)
    assert len(ended) == 1 and not done.failed and len(done.monitors[0].windows) == DAYS - BASE - 1
    with open_warehouse(engine.url) as warehouse:
        rows = warehouse.fetch("SELECT event, detail FROM res_retried.wd_run_events ORDER BY event_at", name="events")
        assert [r["event"] for r in rows] == ["started", "finished"]
        assert rows[1]["detail"].startswith("1 statement(s) sent again; the last: ")
        warehouse.execute("DROP SCHEMA res_retried CASCADE", name="drop")
