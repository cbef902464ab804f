"""Ctrl-C while results are written: a real signal to a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run.conftest import World, assert_same, scratch

PROGRAM = """
import os, signal, sys, threading
from warehouse_drift.cli import main
from warehouse_drift.warehouse.execute import Warehouse

how, where = sys.argv.pop(1), sys.argv.pop(1)
execute = Warehouse.execute

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

def until(self, sql, *, name):
    if not name.endswith(where):
        return execute(self, sql, name=name)
    if how == "during":  # the statement takes minutes, and is met in the middle
        threading.Timer(0.3, interrupt).start()
        sql = "CREATE TEMP TABLE slow AS SELECT SUM(SIN(range) * SQRT(range)) AS s FROM RANGE(20000000000)"
    done = execute(self, sql, name=name)
    interrupt()
    return done

Warehouse.execute = until
main()
"""


def interrupted(world: World, how: str, where: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, how, where, "run", "-c", world.yml]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_writing(world: World, tmp_path: Path) -> None:
    """Between the rows and the record that publishes them, inside a statement, and with a second monitor waiting: exit 2,
    one sentence, nothing of the step is seen, the other monitor is not begun; the next run ends as if nothing had been."""
    world.configure(world.monitor(), world.monitor(name="n"))
    for how, where, seen in (
        ("after", "into wd_cells", ()),
        ("after", "append to wd_results", ("profile_history",)),
        ("during", "append to wd_windows", ("profile_history",)),
    ):
        done = interrupted(world, how, where)
        assert done.returncode == 2, (how, where, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert last == "warehouse-drift: interrupted; nothing half done is visible. Run the same command again."
        assert "FAILED" not in done.stdout + done.stderr and "n: " not in done.stderr
        for view in ("profile_history", "drift_history", "drift_bins", "drift_latest", "drift_series"):
            rows = world.q(f"SELECT COUNT(*) AS n FROM {{s}}.{view}")[0]["n"]
            assert (rows > 0) == (view in seen), (how, where, view, rows)
    world.run()
    states = world.q("SELECT state, COUNT(*) AS n FROM {s}.run_history GROUP BY state ORDER BY state")
    assert states == [{"state": "failed", "n": 3}, {"state": "finished", "n": 2}]
    assert_same(world.views(), scratch(world, tmp_path).views())
