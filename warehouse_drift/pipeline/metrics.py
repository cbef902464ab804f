"""From two profiles to summaries: pooled cells, bins, bounds, refinement, and one statement a statistic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from warehouse_drift.grid.spec import Bin, NumericGrid
from warehouse_drift.pipeline.grids import NumericColumn, Slice
from warehouse_drift.pipeline.session import Session
from warehouse_drift.statistics.registry import BY_NAME


@dataclass(frozen=True, slots=True)
class Pooled:
    """Scratch tables of one batch of comparisons."""

    cells: Markup
    columns: Markup
    bins: Markup
    pearson: Markup
    cdf: Markup | None
    bounds: Markup | None
    numeric: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refined:
    """What a refinement scanned."""

    cells: int
    rows: int


def pool(
    session: Session,
    sides: Markup,
    bins: Mapping[int, tuple[Bin, ...]],
    numeric: Sequence[int],
    warn: float,
    *,
    warns: Mapping[int, float] | None = None,
) -> Pooled:
    """``warn``: the psi limit that decides how far small bins are merged; ``warns`` has columns with their own."""
    cells = session.scratch("cells", "metrics/pooled_cells", sides=sides)
    columns = session.scratch("columns", "metrics/pooled_columns", cells=cells)
    listed = [
        {"column_no": number, "bin_index": b.index, "cell_from": b.cell_from, "cell_to": b.cell_to}
        for number, some in bins.items()
        for b in some
    ]
    inline = session.scratch("bin_edges", "metrics/inline_bins", bins=listed)
    binned = session.scratch(
        "bins", "metrics/pooled_bins", cells=cells, bins=inline, warn=warn, warns=list((warns or {}).items())
    )
    pearson = session.scratch("pearson", "metrics/pearson", bins=binned)
    if not numeric:
        return Pooled(cells, columns, binned, pearson, None, None, ())
    cdf = session.scratch("cdf", "metrics/cdf_cells", cells=cells, columns=columns)
    bounds = session.scratch("bounds", "metrics/cdf_bounds", cdf=cdf, refined=None, todo=None)
    return Pooled(cells, columns, binned, pearson, cdf, bounds, tuple(numeric))


def summaries(
    session: Session,
    pooled: Pooled,
    statistics: Sequence[str],
    *,
    pair_no: int | None = None,
    zero_shares: str = "default",
) -> list[dict[str, Any]]:
    """One row per (pair, segment, column, statistic), as the templates' summary columns; of one pair if it is given.
    Statistics that are read from values (``pipeline.values``) are left out."""
    rows: list[dict[str, Any]] = []
    for name in statistics:
        source = BY_NAME[name].source
        params: dict[str, Any] = {"columns": pooled.columns}
        if source == "bins":
            params |= {"bins": pooled.bins, "pearson": pooled.pearson, "zero": zero_shares}
        elif source == "values":
            continue
        elif source == "bounds":
            if pooled.bounds is None:
                continue
            params |= {"bounds": pooled.bounds, "numeric": pooled.numeric}
        for row in session.rows(f"statistics/{name}", **params):
            if pair_no is None or int(row["pair_no"]) == pair_no:
                rows.append(clean(row))
    return rows


def clean(row: dict[str, Any]) -> dict[str, Any]:
    """No NaN and no infinity leaves this stage: a value that is not finite becomes a reason."""
    for key in ("value", "value_lower", "value_upper", "test_value", "test_df", "expected"):
        number = row[key]
        row[key] = None if number is None or not math.isfinite(float(number)) else float(number)
    if row["value"] is None or row["value_lower"] is None or row["value_upper"] is None:
        row["value"] = row["value_lower"] = row["value_upper"] = None
        row["reason_code"] = row["reason_code"] or "not_computable"
    for key in ("n_reference", "n_current"):
        row[key] = int(row[key] or 0)
    row["bins"] = None if row["bins"] is None else int(row["bins"])
    return row


def refine(
    session: Session,
    pooled: Pooled,
    columns: Sequence[NumericColumn],
    grids: Mapping[int, NumericGrid],
    reference: Slice,
    current: Slice,
    *,
    ks: bool,
    area: bool,
    only: Sequence[int] | None = None,
    pair_no: int | None = None,
    segment: tuple[str, str, str] | None = None,
    most_rows: int | None = None,
) -> tuple[Pooled, Refined]:
    """Scans again the cells that can still matter, and gives bounds that are closed where the rows are still the same.

    Where there are several pairs or segments, ``pair_no`` and ``segment`` (key, kind, value) name the one that the two
    slices hold the rows of. With ``most_rows`` nothing is scanned when more rows would have to be.
    """
    if pooled.bounds is None or pooled.cdf is None or not (ks or area):
        return pooled, Refined(0, 0)
    todo = session.scratch(
        "todo",
        "metrics/refine_cells",
        bounds=pooled.bounds,
        ks=ks,
        area=area,
        only=list(only) if only is not None else None,
        pair_no=pair_no,
        segment=segment,
    )
    ranges = {int(r["column_no"]): r for r in session.rows("metrics/todo_ranges", todo=todo)}
    if not ranges or (most_rows is not None and sum(int(r["row_count"]) for r in ranges.values()) > most_rows):
        return pooled, Refined(0, 0)
    by_number = {c.number: c for c in columns}
    sides = [{"side": "r", "slice": reference}, {"side": "c", "slice": current}]
    refined = []
    for n, r in ranges.items():  # a statement a column: the sort of one column is all that is held at a time
        c = by_number[n]
        column = {"number": n, "x": c.x, "grid": grids[n], "float": c.float, "lo": float(r["lo"]), "hi": float(r["hi"])}
        refined.append(session.scratch("refined", "metrics/refined_points", todo=todo, column=column, sides=sides))
    bounds = session.scratch("closed", "metrics/cdf_bounds", cdf=pooled.cdf, refined=refined, todo=todo)
    done = Refined(sum(int(r["cells"]) for r in ranges.values()), sum(int(r["row_count"]) for r in ranges.values()))
    return Pooled(pooled.cells, pooled.columns, pooled.bins, pooled.pearson, pooled.cdf, bounds, pooled.numeric), done
