"""Whatever happens to the source and to the runs, and in whatever order: a reader sees what a first run on the same rows
would show.

What may differ, because only the order of discovery decides it:

* who computed a row and when (``OWN_TO_A_RUN``);
* a column that appears later has no rows in windows that were decided, and buckets that were profiled, before it was there.

Deletions and restatements lie inside the late horizon, or are followed by a backfill: the tool cannot know of others.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from warehouse_drift.results import migrate, read
from warehouse_drift.results.vacuum import vacuum
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

from .conftest import BASE_DAYS, Row, World, assert_same, day, rows_of, scratch

LATE = 3
LAST = 13
"""Newest window: a first run judges 14, so a longer history would differ by design."""


STEP = {False: 1, True: 2}
"""A run is killed after every statement that writes, and after every second one where a vacuum follows."""
WRITES = re.compile(r"(?:/\*.*?\*/|\s)*(?:INSERT|UPDATE|DELETE|ALTER|CREATE\s+(?!(?:OR\s+REPLACE\s+)?TEMP))", re.I | re.S)
"""What is left of a run that dies elsewhere is the same as after the last of these."""


class Killed(BaseException):
    """The process dies here: no handler for errors may turn it into something else."""


@contextmanager
def at_statement(k: int, action: Callable[[], None]) -> Iterator[list[Any]]:
    """Calls ``action`` before the k-th statement of a run; yields a list: the number of statements so far, and the places
    behind those that write (1: before all)."""
    original = Warehouse._running
    count: list[Any] = [0, [1]]
    busy = [False]

    @contextmanager
    def running(self: Warehouse, sql: str, name: str) -> Iterator[Any]:
        if not busy[0]:
            count[0] += 1
            count[1] += [count[0] + 1] if WRITES.match(sql) else []
            if count[0] == k or (count[0] > k > 0 and action is _die):
                busy[0] = action is not _die
                action()
                busy[0] = False
        with original(self, sql, name) as result:
            yield result

    Warehouse._running = running  # type: ignore[method-assign]
    try:
        yield count
    finally:
        Warehouse._running = original  # type: ignore[method-assign]


def _die() -> None:
    raise Killed


class Story:
    """A world, what happens to it, and the first run that it is compared with."""

    def __init__(self, folder: Path, seed: int, **config: Any) -> None:
        self.random = random.Random(seed)
        self.folder, self.seed = folder, seed
        self.world = World(folder / "ours")
        self.world.columns = {"include": ["*"], "exclude": ["id", "ts", "seg"]}  # type: ignore[assignment]
        self.config = {
            "timestamp": {"column": "ts", "late": LATE},
            "comparisons": [{"name": "daily", "window": "day"}, {"name": "day_on_day", "window": "day", "against": "previous"}],
            **config,
        }
        self.world.configure(**self.config)
        self.world.insert(rows_of(range(BASE_DAYS), seed=seed))
        self.next = 0
        self.z_since: datetime | None = None
        self.log: list[str] = []
        for _ in range(3):
            self.append()

    # what happens to the source

    def append(self) -> None:
        """Another day; its first row closes the day before."""
        shift = self.random.choice([0.0, 0.0, 2.0])
        rows = rows_of([BASE_DAYS + self.next], 40, seed=self.seed, shift=shift)
        if self.z_since is not None:
            rows = [r | {"z": float(i % 7)} for i, r in enumerate(rows)]
            self.world.types["z"] = "DOUBLE"
        self.world.insert(rows)
        self.next += 1

    def recent(self) -> int:
        """A day of the late horizon (the newest day is not over)."""
        return self.random.randint(max(0, self.next - 1 - LATE), self.next - 2)

    def late_rows(self, n: int | None = None) -> None:
        d = BASE_DAYS + (self.recent() if n is None else n)
        rows = rows_of([d], self.random.choice([1, 30]), seed=self.random.randint(100, 10**6), shift=3.0)
        self.world.insert([r | {"c": "new"} if i % 2 else r for i, r in enumerate(rows)])

    def delete(self, n: int | None = None) -> None:
        d = BASE_DAYS + (self.recent() if n is None else n)
        some = self.random.choice(["", "AND id % 3 = 0", "AND seg = 'b'"])
        self.world.sql(f"DELETE FROM t WHERE ts >= '{day(d)}' AND ts < '{day(d + 1)}' {some}")

    def restate(self, n: int | None = None) -> None:
        """Fewer values: numbers and categories that were there are there no more; sums may even stay."""
        d = BASE_DAYS + (self.recent() if n is None else n)
        what = self.random.choice(["x = round(x)", "c = 'u'", "k = k - k % 2", "x = NULL", "seg = 'a'"])
        self.world.sql(f"UPDATE t SET {what} WHERE ts >= '{day(d)}' AND ts < '{day(d + 1)}'")

    def new_column(self) -> None:
        if self.z_since is None:
            self.world.sql("ALTER TABLE t ADD COLUMN z DOUBLE")
            self.z_since = day(BASE_DAYS + self.next)
            self.append()

    def old_change(self) -> None:
        """Beyond the horizon: seen after a backfill, and after nothing else."""
        n = self.random.randint(0, self.next - 2)
        self.random.choice([self.late_rows, self.delete, self.restate])(n)
        self.world.backfill(BASE_DAYS + n, BASE_DAYS + n + 1)

    # what happens to runs

    def killed(self) -> None:
        k = self.random.randint(1, 140)
        with at_statement(k, _die):
            try:
                self.world.run()
                self.log.append(f"  not reached {k}")
            except Killed:
                self.log.append(f"  killed at {k}")

    def interleaved(self) -> None:
        k = self.random.randint(1, 140)
        self.append()

        def other() -> None:
            if self.random.random() < 0.5 and self.next > 2:
                self.late_rows()
            self.world.run()

        with at_statement(k, other):
            self.world.run()
        self.log.append(f"  other run at {k}")

    def vacuum(self) -> None:
        with open_warehouse(f"duckdb:///{self.world.file}") as warehouse:
            if migrate.installed_version(warehouse, "drift"):
                later = self.random.choice([timedelta(0), timedelta(hours=25)])
                done = vacuum(warehouse, "drift", now=read.now(warehouse) + later)
                self.log.append(f"  {len(done.abandoned)} abandoned")

    def play(self, steps: int) -> None:
        calm: list[Callable[[], None]] = [self.append, self.late_rows, self.delete, self.restate, self.old_change]
        rough: list[Callable[[], None]] = [self.killed, self.interleaved, self.vacuum, self.new_column]
        for _ in range(steps):
            for _ in range(self.random.choice([1, 1, 2])):
                what = self.random.choice(calm + rough)
                if self.next > LAST and what in (self.append, self.interleaved, self.new_column):
                    what = self.late_rows
                self.log.append(what.__name__)
                what()
            if self.random.random() < 0.75:
                self.world.run()
                self.log.append("run")
                self.check()

    def check(self) -> None:
        ours, theirs = self.world.views(), scratch(self.world, self.folder).views()
        for views in (ours, theirs):
            for rows in views.values():
                rows[:] = [r for r in rows if not self._older_than_its_column(r)]
        assert_same(ours, theirs, f"seed {self.seed}: {', '.join(self.log)}")

    def _older_than_its_column(self, row: Row) -> bool:
        at = row.get("window_start") or row.get("bucket_start")
        return self.z_since is not None and row.get("column_name") == "z" and at is not None and at < self.z_since


def test_a_short_sequence(tmp_path: Path) -> None:
    story = Story(tmp_path, 0)
    story.world.run()
    story.append()
    story.late_rows(1)
    story.restate(2)
    story.world.run()
    story.check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
def test_random_sequences(tmp_path: Path, seed: int) -> None:
    config = {"segments": ["seg"]} if seed % 2 else {}
    Story(tmp_path, seed, **config).play(7)


def small(folder: Path) -> Story:
    """A baseline and three days, with two columns: about 200 statements a first run."""
    story = Story(folder, 3, comparisons=[{"name": "daily", "window": "day", "k_of_n": "2 of 3"}])
    with open_warehouse(f"duckdb:///{story.world.file}") as warehouse:
        migrate.create_all(warehouse, "drift")
    return story


def places(story: Story) -> list[int]:
    """Where a run may be killed, so that each leaves something else."""
    with at_statement(0, _die) as count:
        story.world.run()
    assert len(count[1]) < count[0]
    return [k for k in count[1] if k <= count[0]]


@pytest.mark.slow
@pytest.mark.parametrize("gone", [False, True], ids=["run again", "vacuum between"])
def test_a_run_killed_at_any_statement_leaves_nothing_but_work_to_do(tmp_path: Path, gone: bool) -> None:
    """First runs, later ones, and those that add columns; afterwards a reader sees what an uninterrupted run shows. With a vacuum a day later the
    killed run is abandoned and its rows are taken out; without one, what it had published stays."""
    story = small(tmp_path)
    empty = story.world.file.read_bytes()
    first = places(story)
    done = story.world.views()
    once = story.world.file.read_bytes()
    story.append()
    story.restate(2)
    changed = story.world.file.read_bytes()
    second = places(story)
    done_again = story.world.views()
    assert once != changed and len(first) > len(second) > 6
    story.world.configure(**(story.config | {"columns": ["x"]}))
    story.world.file.write_bytes(empty)
    story.world.run()
    fewer = story.world.file.read_bytes()
    for start, kills, columns, wanted in (
        (empty, first, None, done),
        (changed, second, None, done_again),
        (fewer, first, ["x", "k", "c"], None),
    ):
        story.world.configure(**(story.config | ({"columns": columns} if columns else {"columns": story.world.columns})))
        if wanted is None:  # a run that adds columns to a baseline that is there
            story.world.file.write_bytes(start)
            kills, wanted = places(story), story.world.views()
        for k in kills[:: STEP[gone]]:
            story.world.file.write_bytes(start)
            with pytest.raises(Killed), at_statement(k, _die):
                story.world.run()
            if gone:
                story.world.run()
                assert_same(story.world.views(), wanted, f"killed at {k}")
                with open_warehouse(f"duckdb:///{story.world.file}") as warehouse:
                    vacuum(warehouse, "drift", now=read.now(warehouse) + timedelta(hours=25))
            story.world.run()
            assert_same(story.world.views(), wanted, f"killed at {k}")


@pytest.mark.slow
def test_what_an_abandoned_run_had_shown_is_made_again(tmp_path: Path) -> None:
    """Another run relied on its buckets and passed on, so that nothing newer tells of the gap."""
    story = small(tmp_path)
    with pytest.raises(Killed), at_statement(places(small(tmp_path / "other"))[-6], _die):
        story.world.run()
    assert {r["state"] for r in story.world.q("SELECT state FROM {s}.run_history")} == {"running"}
    story.append()
    story.world.run()
    with open_warehouse(f"duckdb:///{story.world.file}") as warehouse:
        done = vacuum(warehouse, "drift", now=read.now(warehouse) + timedelta(hours=25))
    assert len(done.abandoned) == 1 and done.unseen["wd_units"] > 0
    story.world.run()
    story.check()
    assert story.world.run().monitors[0].units == 0
