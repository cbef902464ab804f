"""A column is found by its exact name, else by the only one that differs in case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse_drift.config.names import Names
from warehouse_drift.config.resolve import ColumnProblem, resolve_monitor
from warehouse_drift.config.resolved import SourceColumn
from warehouse_drift.errors import Problem

SPELLINGS = st.lists(st.text("aAbBßẞéÉ", min_size=1, max_size=3), unique=True, max_size=8)


def columns(*names: str) -> list[SourceColumn]:
    return [SourceColumn(n, "DOUBLE", "float") for n in names]


@given(SPELLINGS, st.text("aAbBßẞéÉ", min_size=1, max_size=3))
def test_exact_first_then_the_only_one_of_another_case(listed: list[str], asked: str) -> None:
    names = Names(columns(*listed))
    alike = [n for n in listed if n.lower() == asked.lower()]
    found = names.find(asked)
    if asked in listed:
        assert found is not None and found.name == asked and names.several(asked) == ()
    elif len(alike) == 1:
        assert found is not None and found.name == alike[0]
    else:
        assert found is None and list(names.several(asked)) == alike


def test_the_sentences_say_what_to_write() -> None:
    names = Names(columns("Amount", "AMOUNT", "x" * 63))
    assert names.lack("the column", "amount", "t") == (
        "the column 'amount' may be 'Amount' or 'AMOUNT' of t: write the spelling that is meant."
    )
    assert names.lack("the column", "x" * 70, "t").endswith(f"Names of 63 characters are the longest there: write {'x' * 63!r}.")
    assert names.lack("the column", "amuont", "t") == "the column 'amuont' is not in t. Did you mean AMOUNT?"


def test_a_monitor_takes_the_warehouses_spelling(load) -> None:
    config = load(monitor="segments: [seg]\ncolumns: [amount, {name: Score, kind: numeric}]")
    there = [SourceColumn("SCORED_AT", "TIMESTAMP", "timestamp"), *columns("AMOUNT", "SCORE"), SourceColumn("SEG", "TEXT", "text")]
    monitor, problems = resolve_monitor(config, config.monitors[0], there)
    assert problems == [] and monitor.timestamp is not None
    assert [c.name for c in monitor.columns] == ["AMOUNT", "SCORE"]
    assert (monitor.timestamp.column, monitor.segments[0].column) == ("SCORED_AT", "SEG")


@pytest.mark.parametrize("listed", ["[amount]", "{include: [amount]}", "{include: ['*'], overrides: [{name: amount, kind: numeric}]}"])
def test_several_spellings_stop_the_monitor_and_are_named(load, listed: str) -> None:
    config = load(monitor=f"columns: {listed}")
    there = [SourceColumn("scored_at", "TIMESTAMP", "timestamp"), *columns("Amount", "AMOUNT")]
    _, problems = resolve_monitor(config, config.monitors[0], there)
    said = [p for p in problems if "may be 'Amount' or 'AMOUNT'" in p.message]
    assert said and all(type(p) is Problem for p in said)
    assert not [p for p in problems if isinstance(p, ColumnProblem)]


def test_two_columns_that_differ_in_case_are_two(load) -> None:
    there = [SourceColumn("scored_at", "TIMESTAMP", "timestamp"), *columns("Amount", "AMOUNT")]
    config = load(monitor="columns: [Amount, AMOUNT]")
    monitor, problems = resolve_monitor(config, config.monitors[0], there)
    assert problems == [] and [c.name for c in monitor.columns] == ["Amount", "AMOUNT"]
    one = load(monitor="columns: [amount, Amount]")
    _, problems = resolve_monitor(one, one.monitors[0], [there[0], *columns("AMOUNT")])
    assert [p.message for p in problems] == ["'Amount' is the column 'AMOUNT' again; keep one of them"]
