"""`check`: all mistakes at once, with file:line; never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.command import Done, command

CONFIG = """version: 1
project: shop
warehouse: {{url: "{url}", result_schema: drift}}
monitors:
  - name: scores
    relation: r
    columns:
      - {column}
    baseline: {{relation: r}}
    comparisons:
      - {{name: snapshot, window: day, against: baseline}}
"""


def run(path: Path, *more: str) -> Done:
    return command(path.parent, "check", "-c", str(path), *more)


def test_good_and_bad(database: Callable[..., str], tmp_path: Path) -> None:
    url = database(r={"amount": [1.0, 2.0]})
    path = tmp_path / "drift.yml"
    path.write_text(CONFIG.format(url=url, column="amount"))
    done = run(path, "--show-resolved")
    assert (done.returncode, "scores  amount  psi  warn 0.1  alert 0.25" in done.stdout) == (0, True), done.stderr
    path.write_text(CONFIG.format(url=url, column="amuont").replace("project:", "projekt:"))
    done = run(path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "drift.yml:2" in done.stderr and "project" in done.stderr
    path.write_text(CONFIG.format(url=url, column="amuont"))
    done = run(path)
    assert done.returncode == 2 and "drift.yml:8" in done.stderr and "amount" in done.stderr
    assert run(tmp_path / "none.yml").returncode == 2
