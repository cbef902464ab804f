"""The command line: exit codes, one sentence for a mistake, nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.command import Done, command


def run(*args: str) -> Done:
    return command(Path(), *args)


@pytest.fixture
def url(database: Callable[..., str]) -> str:
    rng = np.random.default_rng(0)
    name = 'select"; drop table r; --'
    return database(
        r={"a": rng.normal(size=3000), "b": rng.choice(list("xyz"), 3000), name: rng.random(3000)},
        c={"a": rng.normal(2, 1, 3000), "b": rng.choice(list("xyz"), 3000), name: rng.random(3000)},
    )


def test_json_and_exit_code(url: str) -> None:
    done = run("compare", "--url", url, "--reference", "r", "--current", "c", "--format", "json")
    body = json.loads(done.stdout)
    assert done.returncode == 1
    assert {r["column_name"] for r in body["rows"]} == {"a", "b", 'select"; drop table r; --'}
    psi = {r["column_name"]: r["decision"] for r in body["rows"] if r["statistic"] == "psi"}
    assert psi["a"] == "alert" and psi["b"] == "ok"
    assert body["rows_fetched"] <= 10_000
    assert run("compare", "--url", url, "--reference", "r", "--current", "c", "--fail-on", "never").returncode == 0


def test_leaves_nothing_behind(url: str) -> None:
    run("compare", "--url", url, "--reference", "r", "--current", "c", "--precision", "exact")
    connection = duckdb.connect(url.removeprefix("duckdb:///"), read_only=True)
    assert connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall() == [("c",), ("r",)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--reference": "rr"}, "rr"),
        ({"--url": "duckdb:///missing_folder/none.duckdb"}, "none.duckdb"),
        ({"--url": "nodb://x"}, "nodb"),
        ({"--statistics": "psy"}, "psi"),
        ({"--columns": "zz"}, "zz"),
        ({"--preset": "nope"}, "psi_classic"),
        ({"--precision": "roughly"}, "certified"),
        ({"--reference": "(SELECT 1; DROP TABLE r)"}, "SELECT"),
    ],
)
def test_mistakes_are_one_sentence(url: str, change: dict[str, str], words: str) -> None:
    options = {"--url": url, "--reference": "r", "--current": "c"} | change
    done = run("compare", *[part for pair in options.items() for part in pair])
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_locked_file(url: str) -> None:
    holder = duckdb.connect(url.removeprefix("duckdb:///"))
    holder.execute("CREATE TABLE held (x INTEGER)")
    options = ("compare", "--url", url, "--reference", "r", "--current", "c")
    done = subprocess.run([sys.executable, "-m", "warehouse_drift", *options], capture_output=True, text=True, check=False)
    holder.close()
    assert done.returncode == 2
    assert "process" in done.stderr and "Traceback" not in done.stderr


def test_markdown_for_a_pull_request(url: str) -> None:
    done = run("compare", "--url", url, "--reference", "r", "--current", "(SELECT * FROM c)", "--format", "markdown", "--fail-on", "alert")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0].startswith("### 🔴 Drift: ") and "1 alert" in lines[0] and "(3 columns)" in lines[0]
    assert lines[2] == "`(SELECT * FROM c)` against `r`; fails on `alert`."
    table = [line for line in lines if line.startswith("| ")]
    assert len(table) == 2 and table[1].startswith("| a | psi | ") and "🔴 alert" in table[1]
    calm = run("compare", "--url", url, "--reference", "r", "--current", "r", "--format", "markdown", "--fail-on", "warn")
    assert calm.returncode == 0 and calm.stdout.startswith("### 🟢 Drift: ") and "| column |" not in calm.stdout
    assert run("compare", "--url", url, "--reference", "r", "--current", "c", "--format", "html").returncode == 2


def test_markdown_is_short_and_names_are_text() -> None:
    from warehouse_drift.reports.text import MOST_IN_COMMENT, compare_markdown

    row = {"statistic": "psi", "value": 0.5, "value_lower": 0.5, "value_upper": 0.5, "decision": "alert", "reason": "a | b",
           "warn_threshold": 0.1, "alert_threshold": 0.25}  # fmt: skip
    text = compare_markdown([{**row, "column_name": f"<b>{i}|"} for i in range(50)], "a`b", "x\ny", "warn")
    assert text.count("| psi |") == MOST_IN_COMMENT and f"{50 - MOST_IN_COMMENT} more are not shown." in text
    assert "<b>" not in text and "`x y` against `` a`b ``" in text
    assert all(line.replace("\\|", "").count("|") == 6 for line in text.splitlines() if line.startswith("| &lt;"))
