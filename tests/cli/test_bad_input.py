"""Bad input through the real command line: exit 2 with one clear sentence, or a decision with a reason; never a
traceback, and nothing half written is visible."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.command import Done, command

ODD = 'select"; drop table x; --'
TABLES = f"""
CREATE TABLE r AS SELECT i AS id, i * 0.5 AS amount, CASE WHEN i % 3 = 0 THEN 'DE' ELSE 'FR' END AS country,
  TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR AS at, i % 7 + 0.5 AS "{ODD.replace('"', '""')}", [i] AS items, {{'a': i}} AS pair,
  i % 2 AS hit, i % 2 AS guess FROM range(1200) t(i);
CREATE TABLE void AS SELECT * FROM r WHERE FALSE;
CREATE TABLE wrong AS SELECT id, CAST(amount AS VARCHAR) AS amount, country, guess FROM r;
CREATE TABLE other AS SELECT 1 AS zzz;
CREATE TABLE base AS SELECT 1 AS amount; CREATE VIEW broken AS SELECT * FROM base; DROP TABLE base;
"""
MONITOR = """version: 1
project: p
warehouse: {{url: "{url}"}}
monitors:
  - name: m
    relation: r
    timestamp: at
    baseline: {{from: 2025-01-01, to: 2025-02-01}}
    comparisons: [{{name: weekly, window: week, against: baseline}}]
"""
Call = Callable[..., Done]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLES)
    return path


def other_process(folder: Path, *args: str) -> Done:
    """Where the file is held open by this one."""
    return subprocess.run([sys.executable, "-m", "warehouse_drift", *args], capture_output=True, text=True, check=False, cwd=folder)


def compare(file: Path, call: Call = command, **options: str) -> Done:
    given = {"url": f"duckdb:///{file}", "reference": "r", "current": "r", "format": "csv"} | options
    return call(file.parent, "compare", *[part for k, v in given.items() for part in (f"--{k}", v)])


def with_config(
    verb: str, file: Path, changed: tuple[str, str] = ("", ""), more: str = "", call: Call = command
) -> Done:
    text = MONITOR.format(url=f"duckdb:///{file}")
    assert changed[0] in text
    config = file.parent / "drift.yml"
    config.write_text(text.replace(*changed) + "".join(f"    {line}\n" for line in more.splitlines()))
    return call(file.parent, verb, "-c", str(config))


def is_refused(done: Done, *words: str) -> None:
    said = done.stderr + done.stdout
    assert done.returncode == 2, said
    assert "Traceback" not in said and "unexpected" not in said and "sqlglot." not in said
    for word in words:
        assert word in said, said
    assert all(len(line) < 500 for line in said.splitlines())


def result_tables(file: Path) -> int:
    with duckdb.connect(str(file), read_only=True) as c:
        found = c.execute("SELECT COUNT(*) FROM duckdb_tables() WHERE schema_name <> 'main'").fetchone()
    return int(found[0]) if found else -1


def visible(file: Path) -> int:
    """Rows that a reader of the result schema sees; 0 when there is no such schema."""
    if not result_tables(file):
        return 0
    with duckdb.connect(str(file), read_only=True) as c:
        views = ("drift_history", "drift_latest", "drift_alerts", "profile_history")
        return sum(c.execute(f"SELECT COUNT(*) FROM drift.{v}").fetchall()[0][0] for v in views)


COMPARE = [
    ({"columns": "amuont"}, ["amuont", "amount"]),
    ({"current": "rr"}, ["no relation rr"]),
    ({"current": "broken"}, ["broken", "base"]),
    ({"current": "r AS x"}, ["not a table name"]),
    ({"current": "r; DROP TABLE r"}, ["not a table name"]),
    ({"current": "(SELECT amount FROM r WHERE)"}, ["cannot be read", "Where"]),
    ({"current": "(SELECT nope FROM r)"}, ["nope"]),
    ({"current": "(SELECT CAST(country AS INTEGER) AS amount FROM r)"}, ["DE"]),
    ({"reference": ""}, ["empty"]),
    ({"statistics": "psi,kss"}, ["kss", "ks"]),
    ({"url": "x.duckdb"}, ["not a database URL", "duckdb:///"]),
    ({"url": "duckdb:///none.duckdb"}, ["none.duckdb"]),
]


@pytest.mark.parametrize(("options", "words"), COMPARE[:3], ids=lambda v: str(v)[:40])
def test_compare(file: Path, options: dict[str, str], words: list[str]) -> None:
    is_refused(compare(file, **options), *words)
    assert result_tables(file) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("options", "words"), COMPARE[3:], ids=lambda v: str(v)[:40])
def test_compare_more(file: Path, options: dict[str, str], words: list[str]) -> None:
    is_refused(compare(file, **options), *words)


@pytest.mark.slow
def test_compare_decides_with_a_reason(file: Path) -> None:
    for options, column, code, exit_code in (
        ({"current": "void"}, "amount", "no_data", 1),
        ({"current": "wrong", "columns": "amount"}, "amount", "type_changed", 1),
        ({"current": "other", "columns": "amount"}, "amount", "column_missing", 1),
        ({"columns": "pair", "statistics": "psi"}, "pair", "unsupported_type", 1),
    ):
        done = compare(file, **options)
        assert done.returncode == exit_code and done.stderr == "", done.stderr
        rows = [r for r in csv.DictReader(io.StringIO(done.stdout)) if r["column_name"] == column]
        assert {r["reason_code"] for r in rows if r["statistic"] == "psi"} == {code}
        assert all(r["reason"] for r in rows if r["decision"] == "none")
    done = compare(file, columns=ODD)
    assert done.returncode == 0 and ODD in {r["column_name"] for r in csv.DictReader(io.StringIO(done.stdout))}


def test_check_finds_all_at_once(file: Path) -> None:
    more = 'columns: [amuont, {name: country, kind: numeric}, {name: x, expression: "ln(gone)"}]\nwhere: "nope > 1"'
    done = with_config("check", file, ("timestamp: at", "timestamp: att"), more)
    is_refused(done, "drift.yml:7: ", "'att'", "drift.yml:10: ", "'amuont'", "Did you mean amount", "VARCHAR", "gone")
    assert "drift.yml:11: where 'nope > 1'" in done.stderr and "ln(gone)" not in done.stdout
    assert result_tables(file) == 0


MODEL = "columns: [country]\nmodel: {label: hit, prediction: guess, task: classification}"
CHECK = [
    (("timestamp: at", "timestamp: {column: at, time_zone: Europe/Berln}"), "", ["drift.yml:7", "Europe/Berlin"]),
    (("relation: r", "relatoin: r"), "", ["drift.yml:6", "relation"]),
    (("relation: r", "relation: rr"), "", ["drift.yml:6", "rr"]),
    (("relation: r", "relation: r AS x"), "", ["drift.yml:6", "not a table name"]),
    (("timestamp: at", "timestamp: amount"), "", ["drift.yml:7", "amount"]),
    (("", ""), 'where: "amount > 1) OR (1=1"', ["drift.yml:10", "not one SQL expression"]),
    (("", ""), 'where: "amount > 1; DROP TABLE r"', ["drift.yml:10", "not one SQL expression"]),
    (("", ""), 'where: "country"', ["drift.yml:10", "VARCHAR"]),
    (("{from: 2025-01-01, to: 2025-02-01}", "{relation: nope}"), "", ["drift.yml:8", "nope"]),
    (("{from: 2025-01-01, to: 2025-02-01}", "{relation: other}"), "columns: [amount]", ["drift.yml:8", "'amount'"]),
    (("{from: 2025-01-01, to: 2025-02-01}", "{relation: wrong}"), MODEL, ["drift.yml:8: the baseline wrong has no column 'hit'"]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("changed", "more", "words"), CHECK, ids=lambda v: str(v)[:40])
def test_check(file: Path, changed: tuple[str, str], more: str, words: list[str]) -> None:
    is_refused(with_config("check", file, changed, more), *words)


RUN = [
    (("relation: r", "relation: rr"), "", ["rr"]),
    (("timestamp: at", "timestamp: {column: at, time_zone: Europe/Berln}"), "", ["drift.yml:7"]),
    (("timestamp: at", "timestamp: amount"), "", ["drift.yml:7"]),
    (("", ""), 'where: "nope > 1"', ["nope"]),
    (("", ""), 'where: "amount > 1) OR (1=1"', ["drift.yml:10"]),
    (("", ""), 'columns: [{name: x, expression: "ln(gone)"}]', ["gone"]),
    (("{from: 2025-01-01, to: 2025-02-01}", "{relation: nope}"), "", ["drift.yml:8: monitor m: its baseline: There is no relation nope"]),
    (("{from: 2025-01-01, to: 2025-02-01}", "{relation: wrong}"), MODEL, ["drift.yml:8: monitor m: its baseline wrong has no column 'hit', the model's label"]),
    (("{from: 2025-01-01, to: 2025-02-01}", "{relation: other}"), "", ["can be measured"]),
    (("{from: 2025-01-01, to: 2025-02-01}", "{from: 2020-01-01, to: 2020-02-01}"), "", ["no rows"]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("changed", "more", "words"), RUN, ids=lambda v: str(v)[:40])
def test_run_leaves_nothing_visible(file: Path, changed: tuple[str, str], more: str, words: list[str]) -> None:
    is_refused(with_config("run", file, changed, more), *words)
    assert visible(file) == 0


@pytest.mark.slow
def test_run_goes_on_with_what_is_there(file: Path) -> None:
    """A named column that is gone is an alert; an odd name is a name; the table is still there."""
    done = with_config("run", file, more=f"columns: [amuont, amount, '{ODD}']")
    assert done.returncode == 1 and "ALERT 2 of 3 columns" in done.stdout and "Traceback" not in done.stderr
    with duckdb.connect(str(file), read_only=True) as c:
        rows = c.execute(
            "SELECT column_name, reason_code, decision, reason FROM drift.drift_latest WHERE column_name = 'amuont'"
        ).fetchall()
        assert rows and {(code, decision) for _, code, decision, _ in rows} == {("column_missing", "alert")}
        assert c.execute("SELECT COUNT(*) > 0 FROM drift.drift_latest WHERE column_name = ?", [ODD]).fetchone() == (
            True,
        )
        assert c.execute("SELECT COUNT(*) FROM r").fetchone() == (1200,)


@pytest.mark.slow
def test_a_locked_file(file: Path) -> None:
    holder = duckdb.connect(str(file))
    try:
        for done in (
            compare(file, other_process),
            with_config("check", file, call=other_process),
            with_config("run", file, call=other_process),
        ):
            is_refused(done, "process")
    finally:
        holder.close()
    assert result_tables(file) == 0


@pytest.mark.parametrize(
    "words", ["run", "plan", "check", "status", "migrate", "vacuum", "incidents", "ack a-b", "mute a-b --until 2030-01-01 --why x"]
)
def test_a_misspelt_file_is_not_made(words: str, tmp_path: Path) -> None:
    """The sources are in it: where there is no file there is nothing to watch."""
    (tmp_path / "drift.yml").write_text(MONITOR.format(url=f"duckdb:///{tmp_path / 'shpo.duckdb'}"))
    is_refused(command(tmp_path, *words.split()), "There is no file ", "shpo.duckdb", "Check the path")
    assert not list(tmp_path.glob("*.duckdb*"))


def test_files_that_cannot_be_written(file: Path) -> None:
    """A folder where a file should be, and a folder that is not there."""
    assert with_config("migrate", file).returncode == 0
    for args, words in (
        (("report", "-c", str(file.parent / "drift.yml"), "-o", str(file.parent)), "cannot be read or written: Is a directory. Check the path"),
        (("demo", "--path", str(file.parent / "no" / "x.duckdb")), "cannot be made: its folder is not there. Choose another --path."),
    ):
        is_refused(command(file.parent, *args), words)


def test_names_that_a_run_meets_first(file: Path) -> None:
    """What the engine refuses, where to look it up, and no result table among the tables that are proposed."""
    done = with_config("run", file, more='where: "amont > 3"')
    assert done.returncode == 2 and f"this says which line: warehouse-drift check -c {file.parent}" in done.stdout, done.stdout
    done = with_config("run", file, ("baseline: {from: 2025-01-01, to: 2025-02-01}", "baseline: {relation: nope}"))
    assert "monitor m: its baseline: There is no relation nope. Tables there: " in done.stdout and "drift." not in done.stdout.split("Tables there")[1], done.stdout
