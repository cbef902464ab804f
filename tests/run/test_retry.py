"""Failures that pass by themselves: what is sent again, how often, and what never is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from sqlalchemy.exc import OperationalError, ProgrammingError

from warehouse_drift.errors import QueryError
from warehouse_drift.pipeline.session import Session
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.warehouse import retry
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse


class Refused(Exception):
    """What a driver raises: text and SQLSTATE."""

    def __init__(self, text: str, state: str | None = None) -> None:
        super().__init__(text)
        self.pgcode = state


DEADLOCK, SYNTAX, GONE = Refused("deadlock detected", "40P01"), Refused("syntax error", "42601"), Refused("server closed the connection unexpectedly")
waits: list[float] = []


class Flaky:
    """A connection whose next statements fail one after the other, before they reach the engine."""

    def __init__(self, inner: Any, failures: list[Refused]) -> None:
        self.inner, self.failures, self.sent = inner, failures, []

    def exec_driver_sql(self, sql: str) -> Any:
        self.sent.append(sql)
        if self.failures:
            one = self.failures.pop(0)
            kind = ProgrammingError if one.pgcode == "42601" else OperationalError
            raise kind(sql, None, one)
        return self.inner.exec_driver_sql(sql)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """An embedded engine that is read as PostgreSQL's errors are."""
    waits.clear()
    monkeypatch.setattr(retry.time, "sleep", waits.append)
    with open_warehouse(f"duckdb:///{tmp_path / 'x.duckdb'}") as found:
        found.dialect = replace(found.dialect, transient=load_dialect("postgres").transient)
        yield found


def flaky(warehouse: Warehouse, *failures: Refused) -> Flaky:
    made = Flaky(warehouse.connection, list(failures))
    warehouse.connection = made
    return made


def test_a_read_is_sent_again(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    sent = flaky(warehouse, DEADLOCK, DEADLOCK).sent
    assert warehouse.fetch("SELECT 42 AS a", name="answer") == [{"a": 42}]
    assert len(sent) == 3 and len(waits) == 2
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 2.0
    (first, second) = warehouse.stats.repeated
    assert first.startswith("answer is sent again in ") and "(attempt 2 of 4): The warehouse refused answer: deadlock detected" in first
    assert [r.getMessage() for r in caplog.records if r.name == "warehouse_drift"] == [first, second]


def test_the_attempts_have_an_end(warehouse: Warehouse) -> None:
    sent = flaky(warehouse, *[DEADLOCK] * 9).sent
    with pytest.raises(QueryError, match="deadlock detected It was tried 4 times") as caught:
        warehouse.fetch("SELECT 1 AS a", name="answer")
    assert len(sent) == retry.ATTEMPTS == 4 and caught.value.transient == "repeat"


@pytest.mark.parametrize("error", [SYNTAX, Refused("canceling statement due to statement timeout", "57014"), Refused("disk full", "53100")])
def test_what_would_come_again_is_not(warehouse: Warehouse, error: Refused) -> None:
    sent = flaky(warehouse, error).sent
    with pytest.raises(QueryError, match=str(error)):
        warehouse.fetch("SELECT 1 AS a", name="answer")
    assert len(sent) == 1 and not waits and not warehouse.stats.repeated


def test_a_write_is_never_sent_again(warehouse: Warehouse) -> None:
    warehouse.execute("CREATE TABLE t (a INTEGER)", name="table")
    sent = flaky(warehouse, DEADLOCK).sent
    with pytest.raises(QueryError, match="deadlock"):
        warehouse.execute("INSERT INTO t VALUES (1)", name="append")
    assert len(sent) == 1 and not waits
    assert warehouse.fetch("SELECT COUNT(*) AS n FROM t", name="count") == [{"n": 0}]


def test_a_scratch_table_is_made_again_from_a_clean_state(warehouse: Warehouse) -> None:
    flow = flaky(warehouse, DEADLOCK)
    with Session(warehouse) as session:
        name = session.scratch("one", "profile/row_count", source=Markup("(SELECT 1)"), filter=None)
        assert warehouse.held == 1
        assert warehouse.fetch(f"SELECT row_count FROM {name}", name="read") == [{"row_count": 1}]
    assert warehouse.held == 0
    assert [s.split()[0] for s in flow.sent[:3]] == ["CREATE", "DROP", "CREATE"]


def test_a_lost_connection_is_replaced_with_its_settings(warehouse: Warehouse) -> None:
    warehouse.set("SET threads = 3", name="threads")
    flaky(warehouse, GONE)
    assert warehouse.fetch("SELECT CURRENT_SETTING('threads') AS n", name="threads now") == [{"n": 3}]
    assert not isinstance(warehouse.connection, Flaky), "a new connection"
    assert len(waits) == 1


def test_scratch_tables_go_with_the_connection(warehouse: Warehouse) -> None:
    """With some of them alive, a statement cannot be answered on a new connection; the next monitor can."""
    with pytest.raises(QueryError, match="closed the connection"), Session(warehouse) as session:
        session.scratch("one", "profile/row_count", source=Markup("(SELECT 1)"), filter=None)
        flaky(warehouse, GONE)
        warehouse.fetch("SELECT 1 AS a", name="answer")
    assert not waits and warehouse.held == 0
    assert warehouse.fetch("SELECT 1 AS a", name="answer") == [{"a": 1}]


@pytest.mark.parametrize(
    ("dialect", "text", "kind"),
    [
        ("bigquery", "403 Exceeded rate limits: rateLimitExceeded", "repeat"),
        ("bigquery", "400 Syntax error", ""),
        ("snowflake", "HTTP 503: Service Unavailable", "repeat"),
        ("snowflake", "001003 (42000): SQL compilation error", ""),
        ("trino", "TrinoQueryError(type=INTERNAL_ERROR, name=SERVER_STARTING_UP)", "repeat"),
        ("clickhouse", "Code: 202. DB::Exception: Too many (TOO_MANY_SIMULTANEOUS_QUERIES)", "repeat"),
        ("databricks", "[TEMPORARILY_UNAVAILABLE] try later", "repeat"),
        ("redshift", "1023 DETAIL: Serializable isolation violation on table", "repeat"),
        ("postgres", "the database system is starting up", "lost"),
        ("postgres", "password authentication failed", ""),
        ("duckdb", "deadlock detected", ""),
    ],
)
def test_which_failures_pass_is_data(dialect: str, text: str, kind: str) -> None:
    assert retry.kind_of(OperationalError("SELECT 1", None, Refused(text)), load_dialect(dialect)) == kind


def test_names_of_exceptions_and_classes_of_states() -> None:
    class ServiceUnavailable(Exception):
        pass

    error = Refused("503 try again")
    error.__cause__ = ServiceUnavailable("503")
    assert retry.kind_of(OperationalError("SELECT 1", None, error), load_dialect("bigquery")) == "repeat"
    assert retry.kind_of(Refused("x", "08006"), load_dialect("postgres")) == "lost"
    assert retry.kind_of(Refused("x", "0A000"), load_dialect("postgres")) == ""
