"""What a statement would read, by the engine's own estimate. Nothing is executed but the engine's question for it.

How an engine is asked is data: ``[estimate]`` of its ``dialect.toml`` has the ``statement`` with ``{select}`` in it and
the ``reader`` of the answer, a name below; or a ``reason`` why the engine cannot tell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse_drift.errors import QueryError
from warehouse_drift.warehouse.execute import Warehouse

Answer = Sequence[Mapping[str, Any]]
_BYTES = {"b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "pib": 2**50, "eib": 2**60}
_SIZE = re.compile(r"sizeInBytes=(?P<size>[0-9.E+]+) (?P<unit>[KMGTPE]?i?B)(?:, rowCount=(?P<rows>[0-9.E+]+))?", re.I)
_UNKNOWN_BYTES = 2**62
"""Spark's word for "not known" (9.2E18) is its largest whole number."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """``bytes`` and ``rows`` that the statement's scans read, ``cost`` in the planner's own unit; None: the engine does
    not tell that one. ``reason``: why nothing is known."""

    bytes: int | None = None
    rows: int | None = None
    cost: float | None = None
    reason: str = ""

    @property
    def known(self) -> bool:
        return not self.reason


def estimate(warehouse: Warehouse, select: str, *, name: str) -> Estimate:
    """The estimate of a SELECT. Never raises for what the engine cannot plan or tell: that is a reason."""
    asked = warehouse.dialect.estimate
    if "statement" not in asked:
        return Estimate(reason=asked.get("reason", f"{warehouse.dialect.name} is not asked for estimates yet"))
    try:
        rows = warehouse.fetch(asked["statement"].format(select=select), name=f"estimate of {name}")
        return READERS[asked["reader"]](rows)
    except QueryError as error:
        return Estimate(reason=error.message)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        return Estimate(reason=f"the engine's answer could not be read ({type(error).__name__})")


def total(parts: Sequence[Estimate]) -> Estimate:
    """The sum; what no part tells is None. A part without a number of its own counts as nothing."""
    told = [p for p in parts if p.known]
    if not told:
        return Estimate(reason=parts[0].reason if parts else "no statement reads the source")

    def added(values: list[Any]) -> Any:
        given = [v for v in values if v is not None]
        return sum(given) if given else None

    return Estimate(added([p.bytes for p in told]), added([p.rows for p in told]), added([p.cost for p in told]))


def _first(rows: Answer) -> Any:
    """The last value of the first row: an explaining statement has one, or a label before it."""
    value = list(rows[0].values())[-1]
    return json.loads(value) if isinstance(value, (str, bytes)) else value


def _costed_plan(rows: Answer) -> Estimate:
    """A JSON plan whose nodes have Plan Rows, Plan Width and Total Cost: rows and bytes that come out of the scans, and
    the root's cost. Nodes that run in parallel show one worker's share (the leader helps a little less)."""
    root = _first(rows)[0]["Plan"]
    read, size = 0.0, 0.0

    def walk(node: Mapping[str, Any], workers: int) -> None:
        nonlocal read, size
        if "Scan" in node["Node Type"] and "Relation Name" in node:
            share = workers + max(0.0, 1 - 0.3 * workers) if workers and node.get("Parallel Aware") else 1
            read += node["Plan Rows"] * share
            size += node["Plan Rows"] * share * node["Plan Width"]
        for child in node.get("Plans", ()):
            walk(child, node.get("Workers Planned", workers))

    walk(root, 0)
    return Estimate(round(size), round(read), float(root["Total Cost"]))


def _cardinalities(rows: Answer) -> Estimate:
    """A JSON plan whose leaves have an Estimated Cardinality: the rows that come out of the scans."""

    def leaves(nodes: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        for node in nodes:
            children = node.get("children", ())
            if not children and "SCAN" in node.get("name", "") + node.get("extra_info", {}).get("Type", "").upper():
                yield int(node["extra_info"].get("Estimated Cardinality", 0))
            yield from leaves(children)

    return Estimate(rows=sum(leaves(_first(rows))))


def _sized_text(rows: Answer) -> Estimate:
    """A plan as text whose relations have Statistics(sizeInBytes=..., rowCount=...): their sum. Files have no row count
    unless the table was analysed, and a size is the whole file's: a filter does not make it smaller."""
    sizes, counts = [], []
    lines = str(list(rows[0].values())[-1]).split("== Physical Plan ==")[0].splitlines()
    for line in lines:
        if not re.match(r"[\s:+\-*|]*(Relation|LogicalRelation|LogicalRDD|DataSourceV2|RelationV2|HiveTableRelation)", line):
            continue
        if (found := _SIZE.search(line)) is not None:
            sizes.append(round(float(found["size"]) * _BYTES[found["unit"].lower()]))
            counts += [round(float(found["rows"]))] if found["rows"] else []
    if not sizes or max(sizes) >= _UNKNOWN_BYTES:
        return Estimate(reason="the engine knows no size of what is read")
    return Estimate(sum(sizes), sum(counts) if len(counts) == len(sizes) else None)


def _global_stats(rows: Answer) -> Estimate:
    """A JSON plan with GlobalStats: bytes of the partitions that would be read."""
    return Estimate(bytes=int(_first(rows)["GlobalStats"]["bytesAssigned"]))


def _parts(rows: Answer) -> Estimate:
    """A row a table with the rows of the parts that would be read. No row: nothing is read."""
    return Estimate(rows=sum(int(r["rows"]) for r in rows))


def _dry_run(rows: Answer) -> Estimate:
    """One row with the bytes that would be billed."""
    return Estimate(bytes=int(rows[0]["bytes"]))


def _inputs(rows: Answer) -> Estimate:
    """A JSON plan of inputs, each with an estimate (not a number where the connector has no statistics)."""
    found = [i["estimate"] for i in _first(rows)["inputTableColumnInfos"]]
    numbers = [(e.get("outputSizeInBytes"), e.get("outputRowCount")) for e in found]
    if not numbers or any(not isinstance(v, (int, float)) or v != v for pair in numbers for v in pair):
        return Estimate(reason="the engine has no statistics of what is read")
    return Estimate(round(sum(b for b, _ in numbers)), round(sum(r for _, r in numbers)))


def _costed_text(rows: Answer) -> Estimate:
    """A plan as lines with (cost=a..b rows=n width=w): rows and bytes of the scans, and the first line's cost."""
    found = []
    cost = None
    for row in rows:
        line = str(next(iter(row.values())))
        match = re.search(r"\(cost=[0-9.]+\.\.([0-9.]+) rows=(\d+) width=(\d+)\)", line)
        if match is None:
            continue
        cost = float(match[1]) if cost is None else cost
        if "Scan" in line and " on " in line:
            found.append((int(match[2]), int(match[3])))
    if cost is None:
        raise ValueError("no cost in the plan")
    return Estimate(sum(n * w for n, w in found), sum(n for n, _ in found), cost)


READERS: Mapping[str, Callable[[Answer], Estimate]] = {
    "costed_plan": _costed_plan,
    "cardinalities": _cardinalities,
    "sized_text": _sized_text,
    "global_stats": _global_stats,
    "parts": _parts,
    "dry_run": _dry_run,
    "inputs": _inputs,
    "costed_text": _costed_text,
}
"""What ``reader`` of a dialect's ``[estimate]`` may name."""
