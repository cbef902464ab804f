"""The commands around a monitor through the real command line: run, plan, explain, report, compile, and their exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest
import sqlglot

from tests.command import Done, command

CONFIG = """version: 1
project: shop
warehouse: {{url: "duckdb:///{path}"}}
monitors:
  - name: scores
    relation: scored
    tags: [tier1]
    timestamp: scored_at
    columns: [amount, {{name: country, kind: categorical}}]
    segments: [country]
    baseline: {{from: 2025-01-01, to: 2025-02-01}}
    comparisons: [{{name: weekly, window: week, against: baseline}}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight weeks; amounts double from 3 March on."""
    place = tmp_path_factory.mktemp("shop")
    with duckdb.connect(str(place / "shop.duckdb")) as c:
        c.execute(
            "CREATE TABLE scored AS SELECT TIMESTAMP '2025-01-01' + INTERVAL (i) MINUTE * 20 AS scored_at,"
            " (1 + (i * 7919) % 1000 / 1000.0) * CASE WHEN i >= 4392 THEN 2 ELSE 1 END AS amount,"
            " CASE WHEN i % 3 = 0 THEN 'DE' ELSE 'FR' END AS country FROM range(4968) AS t(i)"
        )
    (place / "drift.yml").write_text(CONFIG.format(path=place / "shop.duckdb"), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def ran(folder: Path) -> Done:
    planned = command(folder, "plan", "--json")
    assert planned.returncode == 0, planned.stderr
    body = json.loads(planned.stdout)["monitors"][0]
    assert body["baseline_is_new"] and len(body["units"]["buckets"]) == 35
    assert body["scans_per_column"]["amount"] == {"baseline_at_most": 5, "due_buckets": 1}
    assert [w["date"] for w in body["windows"]] == [
        "2025-02-03",
        "2025-02-10",
        "2025-02-17",
        "2025-02-24",
        "2025-03-03",
    ]
    with duckdb.connect(str(folder / "shop.duckdb"), read_only=True) as c:
        assert c.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("scored",)], "plan writes nothing"
    return command(folder, "run")


def test_run_says_what_a_person_needs(ran: Done) -> None:
    assert ran.returncode == 1, ran.stderr
    first = ran.stdout.splitlines()[0]
    assert first.startswith("scores  week of 2025-03-03  n=504  ALERT 1 of 2 columns (since 03-03) · amount PSI ")
    assert (
        "own noise" in first
        and "% from values" in first
        and first.endswith("next: warehouse-drift explain scores amount")
    )
    assert re.search(r"5 window\(s\): \d+ decided, 0 undecided", ran.stdout)


def test_the_next_command_names_the_configuration(folder: Path, ran: Done) -> None:
    (folder / "my drift.yml").write_text((folder / "drift.yml").read_text().replace("name: scores", "name: other one"))
    told = command(folder, "run", "--quiet", "-c", "my drift.yml").stdout
    shown = re.search(r"next: (warehouse-drift .*)", told)
    assert shown and shown[1] == "warehouse-drift explain 'other one' amount -c 'my drift.yml'"


def test_again_changes_nothing(folder: Path, ran: Done) -> None:
    def shown() -> list[tuple[object, ...]]:
        with duckdb.connect(str(folder / "shop.duckdb"), read_only=True) as c:
            return c.execute("SELECT * FROM drift.drift_history ORDER BY row_key").fetchall()

    before = shown()
    again = command(folder, "run", "--json")
    assert again.returncode == 0, again.stderr
    body = json.loads(again.stdout)["monitors"][0]
    assert (body["units_profiled"], body["late_buckets_unchanged"], body["windows"]) == (0, 3, [])
    assert shown() == before


def test_fail_on(folder: Path, ran: Done) -> None:
    dates = ("backfill", "--from", "2025-03-03", "--to", "2025-03-10")
    assert command(folder, *dates, "-q").returncode == 0, "a backfill fails on nothing unless it is asked to"
    assert command(folder, *dates, "-q", "--fail-on", "alert").returncode == 1
    assert (
        command(folder, "backfill", "--from", "2025-02-03", "--to", "2025-02-10", "-q", "--fail-on", "warn").returncode
        == 0
    )


def test_explain(folder: Path, ran: Done) -> None:
    body = json.loads(command(folder, "explain", "scores", "amount", "--json").stdout)
    psi = next(r for r in body["rows"] if r["statistic"] == "psi")
    assert psi["decision"] == "alert" and sum(b["contribution"] for b in body["bins"]) == pytest.approx(
        psi["value"], abs=1e-12
    )
    assert {r["segment"] for r in body["segments"]} == {"country=DE", "country=FR"}
    statement = dict(body["sql"])["cells of the window"]
    with duckdb.connect(str(folder / "shop.duckdb"), read_only=True) as c:
        assert sum(r[5] for r in c.execute(statement).fetchall()) == 504, (
            "the shown SQL runs and counts the window's rows"
        )
    assert "Where the difference is" in command(folder, "explain", "scores", "amount").stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("explain", "scores", "amont"), "amount"),
        (("explain", "score", "amount"), "scores"),
        (("explain", "scores", "amount", "--window", "2024-01-01"), "2024-01-01"),
        (("run", "--select", "tag:x"), "tier1"),
        (("run", "--fail-on", "sometimes"), "no_decision"),
        (("run", "--as-of", "yesterday"), "--as-of"),
        (("backfill", "--from", "2025-02-02", "--to", "2025-02-01"), "--to"),
        (("report", "--format", "xls"), "markdown"),
        (("run", "-c", "none.yml"), "none.yml"),
        (("compile", "--dialect", "dbase"), "postgres"),
    ],
)
def test_mistakes(folder: Path, ran: Done, args: tuple[str, ...], words: str) -> None:
    done = command(folder, *args)
    assert (done.returncode, "Traceback" in done.stderr + done.stdout) == (2, False)
    assert words in done.stderr + done.stdout


def test_report(folder: Path, ran: Done) -> None:
    body = json.loads(command(folder, "report", "--format", "json").stdout)
    assert body["monitors"][0]["monitor"] == "scores" and {r["decision"] for r in body["rows"]} >= {"alert", "ok"}
    text = command(folder, "report").stdout
    assert "| scores |" in text and "Open incidents" in text and "amount" in text


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_compile_is_offline(folder: Path, tmp_path: Path, dialect: str) -> None:
    text = (folder / "drift.yml").read_text(encoding="utf-8").replace(str(folder), "/nowhere")
    (tmp_path / "drift.yml").write_text(text, encoding="utf-8")
    done = command(tmp_path, "compile", "--dialect", dialect, "-o", "sql")
    assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "sql" / "scores").iterdir())
    assert len(files) > 60
    seen = set()
    for file in files:
        body = file.read_text(encoding="utf-8")
        head = dict(re.findall(r"^-- (monitor|step|grain|template|dialect): +(.*)$", body, re.M))
        assert (
            head["monitor"] == "scores"
            and head["dialect"] == dialect
            and head["step"]
            and head["grain"]
            and head["template"]
        )
        seen.add(head["template"])
        assert sqlglot.parse(body, read=dialect)
    assert {
        "sql_templates/profile/numeric_cells.sql.j2",
        "sql_templates/metrics/statistics.sql.j2",
        "sql_templates/store/units.sql.j2",
    } <= seen


def test_compile_ddl(folder: Path) -> None:
    text = command(folder, "compile", "--ddl", "--dialect", "postgres").stdout
    assert "CREATE TABLE" in text and "drift_history" in text
