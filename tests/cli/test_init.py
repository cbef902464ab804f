"""`init`: the written file passes `check`, whatever the relation looks like; nothing is overwritten or given away."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.command import Done, command
from warehouse_drift import api
from warehouse_drift.config.load import load_config
from warehouse_drift.errors import UsageError, WarehouseError
from warehouse_drift.verbs_init import column_stats
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.introspect import columns

ODD = 'select"; drop table x; --'
TABLES = f"""
CREATE SCHEMA ml;
CREATE TABLE ml."Scored rows" AS SELECT i AS order_id, TIMESTAMPTZ '2025-01-01 00:00:00+00' + INTERVAL (i) HOUR AS scored_at,
  CASE WHEN i % 3 = 0 THEN 'DE' WHEN i % 3 = 1 THEN 'NO' END AS country, CAST(i % 2 AS INTEGER) AS is_new, 'u' || i || '@x.y' AS email,
  i % 2 = 0 AS flag, [i] AS items, i * 1.5 AS "{ODD.replace('"', '""')}", DATE '9999-12-31' AS valid_to, UUID() AS u FROM range(2400) t(i);
CREATE TABLE plain AS SELECT 1 AS a, 'yes' AS "${{HOME}}";
CREATE TABLE void AS SELECT * FROM ml."Scored rows" WHERE FALSE;
CREATE TABLE dated AS SELECT CAST(20250101 + i % 28 AS INTEGER) AS ds, i AS v FROM range(500) t(i);
CREATE TABLE texts AS SELECT CAST(20250101 + i % 28 AS VARCHAR) AS ds, i AS v FROM range(500) t(i);
"""
RELATIONS = ['ml."Scored rows"', "plain", "void", "dated", "texts", "(SELECT * FROM dated WHERE v > 5)"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute(TABLES)
    return f"duckdb:///{tmp_path / 'x.duckdb'}"


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_file_passes_check(url: str, tmp_path: Path, relation: str) -> None:
    path = tmp_path / "new.yml"
    result = api.init(url, relation, output=str(path))
    checked = api.check(str(path))
    assert checked.problems == () and checked.monitors == (result.monitor,)
    monitor = load_config(str(path)).monitors[0]
    assert (monitor.timestamp is None) == (relation == "plain")
    if relation in ("dated", "texts"):
        assert monitor.timestamp is not None and monitor.timestamp.format == "yyyymmdd"
        assert str(monitor.baseline.start) == "2025-01-01"
    if relation == "plain":
        assert "CHANGE THIS" in path.read_text()
    assert not list(tmp_path.glob(".*.part"))


def test_statistics_of_columns(url: str) -> None:
    with open_warehouse(url, read_only=True) as warehouse:
        from warehouse_drift.sql.expressions import relation

        source = relation(RELATIONS[0], warehouse.dialect)
        found = column_stats(warehouse, source, columns(warehouse, source))
        assert warehouse.stats.statements == 3 and warehouse.stats.rows_fetched == 2
    assert (found["country"].rows, found["country"].distinct, found["country"].nulls) == (2400, 2, 800)
    assert (found["is_new"].minimum, found["is_new"].maximum) == (0, 1)
    assert found["email"].minimum is None  # no value but a date's number leaves the warehouse
    assert str(found["scored_at"].minimum).startswith("2025-01-01") and found[ODD].nulls == 0
    assert "items" not in found


def test_the_command(url: str, tmp_path: Path) -> None:
    def run(*more: str) -> Done:
        place = ("--output", str(tmp_path / "drift.yml"))
        return command(tmp_path, "init", "--url", url, "--relation", "plain", *more, *place)

    done = run()
    assert done.returncode == 0 and "drift.yml: monitor plain, 2 columns of 1 rows" in done.stdout
    (tmp_path / "drift.yml").write_text("mine")
    done = run()
    assert done.returncode == 2 and "--force" in done.stderr and (tmp_path / "drift.yml").read_text() == "mine"
    assert run("--force").returncode == 0 and "plain" in (tmp_path / "drift.yml").read_text()


def test_passwords_are_not_written(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from warehouse_drift.verbs_init import _without_password

    written, notes = _without_password("postgresql://me:se:c@ret@host:5432/db?sslmode=require")
    assert written == "postgresql://me:${WAREHOUSE_PASSWORD}@host:5432/db?sslmode=require" and "se:c" not in notes[0]
    assert _without_password("postgresql://me:${PGPASSWORD}@host/db") == ("postgresql://me:${PGPASSWORD}@host/db", [])
    monkeypatch.setenv("WHERE_IT_IS", url.removeprefix("duckdb:///"))
    path = tmp_path / "new.yml"
    api.init("duckdb:///${WHERE_IT_IS}", "plain", output=str(path))
    assert "${WHERE_IT_IS}" in path.read_text() and api.check(str(path)).problems == ()


def test_nothing_is_written_after_a_mistake(url: str, tmp_path: Path) -> None:
    path = tmp_path / "new.yml"
    with pytest.raises(WarehouseError, match="no relation"):
        api.init(url, "nope", output=str(path))
    with pytest.raises(UsageError, match="NOT_SET"):
        api.init("duckdb:///${NOT_SET}", "plain", output=str(path))
    with pytest.raises(UsageError, match="no folder"):
        api.init(url, "plain", output=str(tmp_path / "no" / "new.yml"))
    assert not path.exists() and not list(tmp_path.glob(".*"))


def test_a_relative_url_is_written_as_the_file_will_read_it(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file a relative path counts from the file's folder, on the command line from the current one."""
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path)
    api.init("duckdb:///x.duckdb", "plain", output="conf/drift.yml")
    assert "duckdb:///../x.duckdb" in Path("conf/drift.yml").read_text() and api.check("conf/drift.yml").problems == ()
    api.init("duckdb:///x.duckdb", "plain", output="drift.yml")
    assert "duckdb:///x.duckdb" in Path("drift.yml").read_text()


def test_every_guess_comes_from_the_data_and_says_why(url: str, tmp_path: Path) -> None:
    """Kinds, roles, timestamp, segments and the baseline of a real table; each line ends with its reason."""
    path = tmp_path / "guessed.yml"
    api.init(url, RELATIONS[0], output=str(path))
    text = path.read_text()
    monitor = load_config(str(path)).monitors[0]
    items = {i.name: i for _, i in monitor.columns.items()}
    assert monitor.timestamp is not None and monitor.timestamp.column == "scored_at"
    assert items["order_id"].role is not None and items["order_id"].role.value == "identifier"
    assert items["is_new"].kind is not None and items["is_new"].kind.value == "boolean"
    assert items["email"].store_values is False and items["items"].kind is None
    assert [s.column for s in monitor.segments] == ["country"]
    assert (str(monitor.baseline.start), str(monitor.baseline.end)) == ("2025-01-01", "2025-02-03"), "a third of 100 days"
    for word, why in (
        ("order_id", "ends like a key"), ("is_new", "only 0 and 1"), ("email", "likely personal data"), ("country", "33.3% nulls"), ("items", "by its length"),
        ("column: scored_at", "telling name"), ("baseline:", "the first 33 of 100 days"), ("- country  #", "values"),
    ):  # fmt: skip
        assert any(word in line and why in line.partition("#")[2] for line in text.splitlines()), (word, why)
