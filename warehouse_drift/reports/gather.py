"""What a report shows, read from the published views: capped statements, and no value of a column that stores none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.errors import DriftError
from warehouse_drift.results import migrate, read
from warehouse_drift.results.place import prefix_in
from warehouse_drift.sql.render import render
from warehouse_drift.verbs_run import resolved_monitor, selected
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import ROW_CAP, Warehouse

Row = dict[str, Any]
Key = tuple[str, str, str]
"""(monitor, comparison, column_name)."""
NAMED_BINS = 20
WINDOWS = 26
HIDDEN = "(value not stored)"


@dataclass(frozen=True, slots=True)
class ReportData:
    """``rows``: the newest windows, all rows, judged or not. ``parts``: judged rows of segments. ``bins`` and ``series`` by
    (monitor, comparison, column). ``notes``: what is not shown, and why."""

    project: str
    status: tuple[Row, ...]
    incidents: tuple[Row, ...]
    rows: tuple[Row, ...]
    parts: tuple[Row, ...]
    bins: Mapping[Key, tuple[Row, ...]]
    series: Mapping[Key, tuple[Row, ...]]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Private:
    """Names of a monitor's columns whose values may not be shown; ``everything`` when the source could not be asked."""

    columns: frozenset[str]
    everything: bool = False

    def hides(self, column: str | None) -> bool:
        return column is not None and (self.everything or column in self.columns)


def gather(
    path: str, *, select: Sequence[str] = (), exclude: Sequence[str] = (), target: str | None = None
) -> ReportData:
    """Reads the views; the source is only asked for its columns' names and types (to know which values are private).

    Raises:
        SchemaVersionError: when nothing was ever stored.
    """
    config = load_config(path, target=target)
    chosen = selected(config, select, exclude)
    ids = [m.name for m in chosen]
    notes: list[str] = []
    with open_warehouse(config.url, read_only=True, roles=config.roles, scratch=False) as warehouse:
        schema = config.warehouse.result_schema
        migrate.check_version(warehouse, schema)
        private = {m.name: _private(warehouse, config, m, notes) for m in chosen}
        base = {"s": prefix_in(warehouse, schema), "project": config.project, "monitors": ids, "most": ROW_CAP}

        def ask(name: str, what: str, **params: Any) -> list[Row]:
            rows = warehouse.fetch(render(f"reports/{name}", {**base, **params}, warehouse.dialect).sql, name=what)
            if len(rows) == params.get("most", ROW_CAP) == ROW_CAP:
                notes.append(f"Shortened to {ROW_CAP:,} rows: {what}.")
            return rows

        rows = ask("latest", "statistics of the newest windows", judged=False, segments=False)
        parts = ask("latest", "decisions by segment", judged=True, segments=True)
        bins = _grouped(ask("latest_bins", "bins of the newest windows", named=NAMED_BINS))
        incidents = [{"monitor": m, **i} for m in ids for i in read.incidents(warehouse, schema, config.project, m)]
        status = [r for r in read.status(warehouse, schema, config.project) if r["monitor"] in ids]
        series: dict[Key, tuple[Row, ...]] = {}
        for (monitor, comparison, version), columns in _series_of(rows).items():
            same = {"monitor": monitor, "comparison": comparison, "baseline_version": version}
            starts: list[datetime] = [
                r["window_start"] for r in ask("window_starts", "newest windows", most=WINDOWS, **same)
            ]
            if not starts:
                continue
            at_once = max(1, ROW_CAP // (4 * len(starts)))
            for i in range(0, len(columns), at_once):
                some = columns[i : i + at_once]
                found = ask("column_series", "history of columns", columns=some, start=min(starts), **same)
                series |= _grouped([{"monitor": monitor, "comparison": comparison, **r} for r in found])
    return ReportData(
        config.project,
        tuple(status),
        tuple(_shown_row(i, private) for i in incidents),
        tuple(rows),
        tuple(_shown_row(r, private) for r in parts),
        {key: _shown_bins(found, private[key[0]].hides(key[2])) for key, found in bins.items()},
        series,
        tuple(dict.fromkeys(notes)),
    )


def _private(warehouse: Warehouse, config: Config, given: MonitorConfig, notes: list[str]) -> Private:
    try:
        resolved, _ = resolved_monitor(warehouse, config, given)
    except DriftError:
        notes.append(f"The source of {given.name} could not be read, so no value of its columns is shown.")
        return Private(frozenset(), everything=True)
    return Private(frozenset(c.name for c in resolved.columns if not c.store_values))


def _series_of(rows: Sequence[Row]) -> dict[tuple[str, str, str], list[str]]:
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for r in rows:
        found.setdefault((r["monitor"], r["comparison"], r["baseline_version"]), {})[r["column_name"]] = None
    return {key: list(names) for key, names in found.items()}


def _grouped(rows: Sequence[Row]) -> dict[Key, tuple[Row, ...]]:
    found: dict[Key, list[Row]] = {}
    for r in rows:
        found.setdefault((r["monitor"], r["comparison"], r["column_name"]), []).append(r)
    return {key: tuple(some) for key, some in found.items()}


def _shown_row(row: Row, private: Mapping[str, Private]) -> Row:
    """A row of a segment whose column stores no values: the value is taken out of its name and its sentences."""
    segment = row["segment"]
    column, equals, _ = segment.partition("=")
    if segment == "all" or not equals or not private[row["monitor"]].hides(row.get("segment_column") or column):
        return row
    hidden = f"{column}={HIDDEN}"
    texts = {k: v.replace(segment, hidden) for k, v in row.items() if isinstance(v, str) and k != "segment"}
    return {**row, **texts, "segment": hidden, **({"segment_value": None} if "segment_value" in row else {})}


def _shown_bins(bins: Sequence[Row], hidden: bool) -> tuple[Row, ...]:
    return tuple(
        {**b, "label": f"bin {b['bin_index'] + 1}" if hidden and b["bin_index"] >= 0 else bin_words(b), "unnamed": hidden} for b in bins
    )


def bin_words(row: Mapping[str, Any]) -> str:
    """``under 10``, ``10 to under 20``, ``over 20 to 30``, ``30 or more``; a value, or ``12 other bins``."""
    if row["bin_index"] < 0:
        return f"{row['bins']} other bins" if row["bins"] > 1 else "1 other bin"
    label = str(row["bin_label"])
    if row["bin_lower"] is None and row["bin_upper"] is None:
        return label
    found = re.fullmatch(r"([\[(])(.+?), (.+)([\])])", label)
    if found is None:
        return label
    opens, lower, upper, closes = found.groups()
    if lower == "-inf":
        return f"up to {upper}" if closes == "]" else f"under {upper}"
    if upper == "inf":
        return f"over {lower}" if opens == "(" else f"{lower} or more"
    if lower == upper:
        return lower
    return f"{'over ' if opens == '(' else ''}{lower} to {'under ' if closes == ')' else ''}{upper}"


__all__ = ["ReportData", "bin_words", "gather"]
