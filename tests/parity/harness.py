"""How many of another library's numbers are reproduced, on any folder of the shared parity format.

    python tests/parity/harness.py [FOLDER] [--verbose]

FOLDER holds ``golden.json`` (values[] with dataset, column, stat, value, library, params, and what the library raised)
and ``data/*.csv`` (side,value; or a frame with its rows in order). Every data set is loaded into DuckDB and measured by
``api.compare``; every golden value ends as reproduced, deliberate (with the reason), not yet (with the reason) or WRONG.
Distances are equal within 1e-9, p-values within 1e-6 relative (1e-3 below 1e-12, where the anchors' own sums round).
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import math
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from markupsafe import Markup

from warehouse_drift import api
from warehouse_drift.decisions import pvalues
from warehouse_drift.decisions.ranking import by_alerts, by_performance
from warehouse_drift.grid.edges import Binning, quantile_ranks
from warehouse_drift.pipeline.compare import NAMED_CHANGES
from warehouse_drift.pipeline.grids import NumericColumn, Slice
from warehouse_drift.pipeline.library import Chunks
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.values import read_values
from warehouse_drift.statistics.registry import BY_NAME
from warehouse_drift.warehouse.connect import open_warehouse

REPRODUCED, DELIBERATE, NOT_YET, WRONG = "reproduced", "deliberate", "not yet", "WRONG"
BINNINGS = {
    "sturges_pooled": Binning("sturges"),
    "doane_ref": Binning("doane"),
    "width10_ref_open": Binning("equal_width"),
    "deciles_ref_open": Binning("quantile_exact"),
    "categories_nulls_drop": Binning("values"),
    "categories_nulls_category": Binning("values", missing=True),
}
LARGE = 5000
NULL_COUNTS = {"missing_rate", "missing_rate_change"}
ZERO_RULES = {"none": "none", "eps_1e-4": "evidently", "laplace_0.5": "laplace", None: "none"}
EVIDENTLY = {
    "ks": "ks", "wasserstein": "wasserstein_normed_floored", "psi": "psi", "kl_div": "kl_divergence",
    "jensenshannon": "jensen_shannon_e", "hellinger": "hellinger", "anderson": "anderson_darling",
    "cramer_von_mises": "cramer_von_mises", "ed": "energy_distance", "mannw": "mann_whitney_less",
    "t_test": "student_t", "chisquare": "chi_squared_one_sample", "z": "two_proportion_z", "fisher_exact": "fisher",
    "es": "epps_singleton",
}  # fmt: skip
EVIDENTLY_P = ("ks", "anderson", "cramer_von_mises", "mannw", "t_test", "chisquare", "z", "fisher_exact", "es")
NANNYML = {
    "kolmogorov_smirnov": "ks", "jensen_shannon": "jensen_shannon", "wasserstein": "wasserstein",
    "hellinger": "hellinger", "chi2": "chi_squared_yates", "l_infinity": "l_infinity", "missing": "missing_rate",
    "unseen": "unseen_rate", "range": "out_of_range_rate",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    library: str
    statistic: str
    dataset: str
    column: str
    status: str
    reason: str = ""
    golden: Any = None
    ours: Any = None


class Recorded(Exception):
    """A question was noted, not answered."""


@dataclass(frozen=True)
class Question:
    """What is asked of data sets at once: values as whole numbers or not, options, and whether it may be asked of all together."""

    suffix: str
    options: str
    together: bool


@dataclass
class Folder:
    """One parity folder, loaded into a DuckDB file."""

    path: Path
    work: Path
    cache: dict[str, Any] = field(default_factory=dict)
    asked: dict[tuple[Question, str], dict[str, set[str]]] | None = None

    @cached_property
    def golden(self) -> dict[str, Any]:
        return json.loads((self.path / "golden.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]

    @cached_property
    def _narrow(self) -> str:
        file = self.work / "parity.duckdb"
        connection = duckdb.connect(str(file))
        for name, about in self.golden["datasets"].items():
            source = self.path / "data" / f"{name}.csv"
            if source.is_file():
                self._load(connection, name, about["kind"], source)
            else:
                self._formula(connection, name, about["text"])
        connection.close()
        return f"duckdb:///{file}"

    def _load(self, connection: Any, name: str, kind: str, source: Path) -> None:
        read = f"read_csv('{source}', header = true, all_varchar = true, nullstr = '')"
        if kind in ("frame", "stream"):
            connection.execute(f"CREATE TABLE \"{name}\" AS SELECT * FROM read_csv('{source}', header = true)")
            return
        for side in ("ref", "cur"):
            types = {"": "VARCHAR"} if kind == "cat" else {"": "DOUBLE", "_int64": "BIGINT"}
            for suffix, kind_sql in types.items():
                value = "value" if kind_sql == "VARCHAR" else f"TRY_CAST(CAST(value AS DOUBLE) AS {kind_sql})"
                where = f"{read} WHERE side = '{side}'"
                connection.execute(f'CREATE TABLE "{name}_{side}{suffix}" AS SELECT {value} AS value FROM {where}')

    @staticmethod
    def _formula(connection: Any, name: str, text: str) -> None:
        """Data sets without a file say how they are made: 'ref i in 0..11999: EXPRESSION; cur i in 0..19999: ...'."""
        for side, low, high, formula in re.findall(r"(ref|cur) i in (\d+)\.\.(\d+): ([^;]+)", text):
            sql = re.sub(r"\bmod\b", "%", formula.strip())
            sql = re.sub(r"(?<![\w.])(\d+)(?=\s*$|\*\d|\s*[-+]|\*1)", r"\1", sql)
            sql = sql.replace("/", "/ 1.0e0 /") if False else re.sub(r"\)/", ")::DOUBLE/", sql)
            sql = re.sub(r"(\d+\.\d+)", r"\1e0", sql)
            connection.execute(
                f'CREATE TABLE "{name}_{side}" AS SELECT CAST({sql} AS DOUBLE) AS value FROM range({low}, {int(high) + 1}) AS r(i)'
            )

    def rows(
        self, dataset: str, statistics: Sequence[str], dtype: str | None = None, **options: Any
    ) -> dict[str, dict[str, Any]]:
        """statistic -> row of one data set.

        Data sets stand side by side in wide tables, and one comparison answers what is asked of all of them. What
        depends on the number of rows, NULLs included, is asked of the data set's own table.
        """
        suffix = "_int64" if dtype == "int64" else ""
        question = Question(suffix, repr(options), bool(statistics) and not options.get("binning", Binning()).missing)
        if self.asked is not None:
            self.asked[question, self.group(dataset)][dataset].update(statistics)
            raise Recorded
        datasets = self.plan.get((question, self.group(dataset)), {}) if question.together else {}
        nulls_count = NULL_COUNTS & set(statistics) and self.holds_null(dataset)
        if not statistics or nulls_count or not set(statistics) <= datasets.get(dataset, set()):
            return self.alone(dataset, statistics, suffix, **options)
        key = repr((question, self.group(dataset)))
        if key not in self.cache:
            table = self.group(dataset) + suffix
            result = self.compare(
                f"{table}_ref", f"{table}_cur", columns=list(datasets), precision="exact",
                statistics=sorted(set().union(*datasets.values())), **options,
            )  # fmt: skip
            found: dict[str, dict[str, Any]] = {name: {} for name in datasets}
            for r in result.rows:
                if r["column_name"] in found:
                    found[r["column_name"]][r["statistic"]] = {**r, "column_name": "value"}
            self.cache[key] = found
        answers = self.cache[key][dataset]
        return {name: answers[name] for name in statistics if name in answers}

    def compare(self, reference: str, current: str, **options: Any) -> api.CompareResult:
        return api.compare(self.url, f'"{reference}"', f'"{current}"', **options)

    def alone(self, dataset: str, statistics: Sequence[str], suffix: str, **options: Any) -> dict[str, dict[str, Any]]:
        """The same question of one data set's own table; measured once."""
        key = repr((dataset, suffix, tuple(statistics), options))
        if key not in self.cache:
            result = self.compare(
                f"{dataset}_ref{suffix}", f"{dataset}_cur{suffix}", statistics=list(statistics) or None,
                precision="exact", **options,
            )  # fmt: skip
            self.cache[key] = {r["statistic"]: r for r in result.rows}
        return self.cache[key]  # type: ignore[no-any-return]

    def group(self, dataset: str) -> str:
        """The wide table that holds a data set."""
        return "wide_large" if self.sizes[dataset] > LARGE else "wide"

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Rows of the longer side."""
        with duckdb.connect(self._narrow.removeprefix("duckdb:///"), read_only=True) as connection:
            return {
                name: max(connection.execute(f'SELECT COUNT(*) FROM "{name}_{s}"').fetchone()[0] for s in ("ref", "cur"))
                for name in self.paired
            }

    @property
    def paired(self) -> list[str]:
        """The data sets with a reference and a current side of one column."""
        return [name for name, about in self.golden["datasets"].items() if about["kind"] in ("num", "cat")]

    @cached_property
    def url(self) -> str:
        """All tables: a data set's own ones, and the wide ones."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in self.paired:
            groups[self.group(name)].append(name)
        with duckdb.connect(self._narrow.removeprefix("duckdb:///")) as connection:
            for group, names in groups.items():
                for suffix in ("", "_int64"):
                    for side in ("ref", "cur"):
                        some = [n for n in names if suffix == "" or (self.kind(n) == "num" and (self.path / "data" / f"{n}.csv").is_file())]
                        parts = " POSITIONAL JOIN ".join(f'(SELECT value AS "{n}" FROM "{n}_{side}{suffix}")' for n in some)
                        if parts:
                            connection.execute(f'CREATE TABLE "{group}{suffix}_{side}" AS SELECT * FROM {parts}')
        return self._narrow

    @cached_property
    def plan(self) -> dict[tuple[Question, str], dict[str, set[str]]]:
        """(question, wide table) -> data set -> statistics, of all golden values."""
        self.asked = defaultdict(lambda: defaultdict(set))
        for e in self.golden["values"]:
            with contextlib.suppress(Recorded):
                if e["dataset"] in self.paired and not e["stat"].startswith("summary_"):
                    PARTS[e["part"]](self, e)
        plan, self.asked = self.asked, None
        return {key: dict(some) for key, some in plan.items()}

    def holds_null(self, dataset: str) -> bool:
        with duckdb.connect(self._narrow.removeprefix("duckdb:///"), read_only=True) as connection:
            sides = " UNION ALL ".join(f'SELECT value FROM "{dataset}_{s}"' for s in ("ref", "cur"))
            return bool(connection.execute(f"SELECT COUNT(*) - COUNT(value) FROM ({sides})").fetchone()[0])

    def frame(self, dataset: str, columns: Sequence[str], **options: Any) -> api.CompareResult:
        key = repr((dataset, tuple(columns), options))
        if key not in self.cache:
            where = [f"(SELECT * FROM \"{dataset}\" WHERE period = '{p}')" for p in ("reference", "analysis")]
            self.cache[key] = api.compare(self.url, *where, columns=list(columns), **options)
        return self.cache[key]  # type: ignore[no-any-return]

    def model(self, dataset: str, score: str, params: Mapping[str, Any]) -> api.CompareResult:
        """Performance of a frame's model, in the chunks of ``params``."""
        key = repr(("model", dataset, score, params))
        if key not in self.cache:
            header = next(csv.reader((self.path / "data" / f"{dataset}.csv").open(encoding="utf-8")))
            where = [f"(SELECT * FROM \"{dataset}\" WHERE period = '{p}')" for p in ("reference", "analysis")]
            calibrate = bool(self.golden.get("cbpe_calibration", {}).get("needs_calibration", True))
            self.cache[key] = api.compare(
                self.url, *where, columns=[score], preset="nannyml",
                chunks=Chunks("row" if "row" in header else "ts", params.get("chunk_size"), params.get("chunk_number")),
                model=api.Model("y_true", "y_pred", score, calibrate=calibrate, values=self.worth(dataset)),
            )  # fmt: skip
        return self.cache[key]  # type: ignore[no-any-return]

    def chunks(self, dataset: str, size: int, **options: Any) -> api.CompareResult:
        """A frame's analysis rows against its reference, as NannyML in chunks of ``size`` rows."""
        header = next(csv.reader((self.path / "data" / f"{dataset}.csv").open(encoding="utf-8")))
        columns = options.pop("columns")
        return self.frame(dataset, columns, preset="nannyml", chunks=Chunks("row" if "row" in header else "ts", size), **options)

    def worth(self, dataset: str) -> tuple[float, float, float, float] | None:
        """What a TN, FP, FN and TP is worth: a parameter of the golden run that is not written down, read back from
        its realised values (whole numbers that fit all of them)."""
        goal = next((v for v in self.golden["values"] if v["dataset"] == dataset and v["stat"] == "cbpe:business_value_realized"), None)
        if goal is None:
            return None
        size = goal["params"]["chunk_size"]
        chunk = f"CAST(FLOOR((ROW_NUMBER() OVER (ORDER BY row) - 1) / {size}) AS INTEGER)"
        cells = ", ".join(f"SUM((y_pred = {p} AND y_true = {y})::INT)" for y, p in ((0, 0), (0, 1), (1, 0), (1, 1)))
        sql = f"SELECT {cells} FROM (SELECT *, {chunk} AS c FROM \"{dataset}\" WHERE period = 'reference') GROUP BY c ORDER BY c"
        with duckdb.connect(self.url.removeprefix("duckdb:///"), read_only=True) as connection:
            counts = np.array(connection.execute(sql).fetchall(), dtype=float)
        known = [v for v in goal["value"] if v is not None]
        worth = np.linalg.lstsq(counts[: len(known)], np.array(known), rcond=None)[0]
        return tuple(float(round(w)) for w in worth)  # type: ignore[return-value]

    def kind(self, dataset: str) -> str:
        return str(self.golden["datasets"][dataset]["kind"])

    def distinct(self, dataset: str) -> int:
        with duckdb.connect(self.url.removeprefix("duckdb:///"), read_only=True) as connection:
            sides = " UNION ALL ".join(f'SELECT value FROM "{dataset}_{s}"' for s in ("ref", "cur"))
            return int(connection.execute(f"SELECT COUNT(DISTINCT value) FROM ({sides})").fetchone()[0])

    def describe(self, dataset: str, side: str) -> list[float]:
        """min, max, mean, std (population), std (sample), quantiles .05 .25 .5 .75 .95 of one side."""
        with open_warehouse(self.url, read_only=True) as warehouse, Session(warehouse) as session:
            column = NumericColumn(0, "value", Markup('CAST(src."value" AS DOUBLE)'), True, False)
            table = Slice(Markup(f'"{dataset}_{side}"'))
            data = read_values(session, [column], [], table, table)
            facts = data.facts[0, 0]
            n, square = int(facts["m_r"]), float(facts["square_r"])
            shares = (0.05, 0.25, 0.5, 0.75, 0.95)
            at = [((n - 1) * q, math.floor((n - 1) * q)) for q in shares]
            ranks = sorted({r for _, low in at for r in (low, min(low + 1, n - 1))})
            assert quantile_ranks(n, 2)[0] == (0.0, 0)
            ordered = session.scratch(
                "sorted", "metrics/value_cdf", values=data.values, columns=data.columns, numeric=[0]
            )
            found = session.rows(
                "metrics/order_statistics", sorted=ordered, ranks=[{"column_no": 0, "rank": r} for r in ranks]
            )
            values = {int(r["rank_no"]): float(r["x"]) for r in found}
        quantiles = [values[low] + (v - low) * (values[min(low + 1, n - 1)] - values[low]) for v, low in at]
        samples = math.sqrt(square / (n - 1)) if n > 1 else math.nan
        return [facts["min_r"], facts["max_r"], facts["mean_r"], math.sqrt(square / n), samples, *quantiles]


def number(value: Any) -> Any:
    return (
        {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}.get(value, value)
        if isinstance(value, str)
        else value
    )


def same(golden: Any, ours: Any, p: bool = False) -> bool:
    golden = number(golden)
    if isinstance(golden, list):
        return (
            isinstance(ours, list | tuple)
            and len(golden) == len(ours)
            and all(same(a, b, p) for a, b in zip(golden, ours, strict=True))
        )
    if golden is None or ours is None or isinstance(golden, bool | str):
        return bool(golden == ours) if golden is not None and ours is not None else golden is ours
    if not math.isfinite(golden):
        return False
    if not p:
        return abs(golden - ours) <= 1e-9 * max(1.0, abs(golden))
    return bool(abs(golden - ours) <= (1e-6 if golden > 1e-12 else 1e-3) * abs(golden))


def verdict(
    entry: Mapping[str, Any], golden: Any, row: Mapping[str, Any] | None, key: str, p: bool
) -> tuple[str, str, Any]:
    """(status, reason, our value) of one number in one row."""
    if row is None:
        return NOT_YET, "no such number yet", None
    ours, code = row[key], row["reason_code"]
    golden = number(golden)
    if same(golden, ours, p):
        return REPRODUCED, "", ours
    if entry.get("raises"):
        said = "a value" if ours is not None else f"reason {code}"
        return DELIBERATE, f"the library raises; here the answer is defined: {said}", ours
    if code in ("one_value", "constant_reference") and row["value"] is None:
        return DELIBERATE, f"one value on both sides: reason {code}, where the library gives {golden}", ours
    if isinstance(golden, float) and math.isnan(golden) and ours is not None and p:
        return DELIBERATE, f"the library gives NaN where nothing can differ; here p = {ours:g}", ours
    if isinstance(golden, float) and not math.isfinite(golden) and ours is None:
        return DELIBERATE, f"the library gives {golden}; results hold no such numbers, here reason {code}", ours
    if code == "zero_share" and ours is None and p and golden == 0:
        return (
            DELIBERATE,
            "a value without expected rows: p is 0 because chi-squared is infinite; here reason zero_share",
            ours,
        )
    if golden is not None and ours is not None and not isinstance(golden, list):
        if p and max(golden, ours) < 1e-9 and abs(golden - ours) < 1e-15:
            return DELIBERATE, "the library's 1 - cdf has rounding of 1e-16 in it, all that is left of so small a p", ours
        if row["statistic"] == "hellinger" and abs(ours) < 1e-12 and golden < 1e-7:
            return DELIBERATE, "sqrt(1 - sum) of identical data is rounding in the library; here it is 0", ours
    return WRONG, "", ours


# ---------------------------------------------------------------- one library after the other


def scipy_values(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    dataset, stat, params, golden = e["dataset"], e["stat"], e["params"], e["value"]
    if "binning" in params:
        return scipy_binned(folder, e)
    if stat in ("summary_ref", "summary_cur"):
        ours: Any = folder.describe(dataset, stat[-3:])
        return (REPRODUCED if same(golden, ours) else WRONG), "", ours
    if stat in ("null_counts", "null_rate_z"):
        row = folder.rows(dataset, ["missing_rate", "missing_rate_change"])
        n, m = row["missing_rate"]["n_reference"], row["missing_rate"]["n_current"]
        now = row["missing_rate"]["value"]
        counts = [round((now - row["missing_rate_change"]["value"]) * n), n, round(now * m), m]
        if stat == "null_counts":
            return (REPRODUCED if golden == counts else WRONG), "", counts
        z = -pvalues.two_proportion_z(counts[0], n, counts[2], m)[0]
        p = row["missing_rate_change"]["p_value"]
        return (REPRODUCED if same(golden[0], z) and same(golden[1], p, p=True) else WRONG), "", [z, p]
    every = ["ks", "wasserstein", "wasserstein_normed_floored", "energy_distance", "cramer_von_mises",
             "anderson_darling", "mann_whitney", "welch_t"]  # fmt: skip
    rows = folder.rows(dataset, every)
    n, m = rows["ks"]["n_reference"], rows["ks"]["n_current"]
    if stat == "n":
        return (REPRODUCED if golden == [n, m] else WRONG), "", [n, m]
    if stat == "ks_statistic":
        return verdict(e, golden, rows["ks"], "value", p=False)
    if stat == "ks_pvalue":
        return scipy_ks(e, rows["ks"], n, m)
    name = {
        "wasserstein": "wasserstein", "wasserstein_norm_std_ref": "wasserstein_normed_floored",
        "energy_distance": "energy_distance", "cvm": "cramer_von_mises", "anderson_ksamp": "anderson_darling",
        "mannwhitney": "mann_whitney", "welch_t": "welch_t",
    }[stat]  # fmt: skip
    row = rows[name]
    if not isinstance(golden, list):
        return verdict(e, golden, row, "value", p=False)
    if params.get("method") == "asymptotic" and stat == "cvm" and max(n, m) <= 20:
        return (
            DELIBERATE,
            "p of small samples is exact here (SciPy's method='auto'); the limit law is not offered",
            row["p_value"],
        )
    if stat == "mannwhitney" and row["value"] is not None:
        row = row | {"value": row["value"] * n * m}
        if min(n, m) <= 8 and params.get("method") == "asymptotic" and not same(golden[1], row["p_value"], p=True):
            return DELIBERATE, "p of small samples without ties is exact here (SciPy's method='auto')", row["p_value"]
    return pair(e, golden, row)


def pair(e: Mapping[str, Any], golden: Sequence[Any], row: Mapping[str, Any]) -> tuple[str, str, Any]:
    """A statistic and its p (degrees of freedom behind them are part of p)."""
    a, b = verdict(e, golden[0], row, "value", p=False), verdict(e, golden[1], row, "p_value", p=True)
    worst = max((a, b), key=lambda v: (REPRODUCED, DELIBERATE, NOT_YET, WRONG).index(v[0]))
    return worst[0], worst[1], [a[2], b[2]]


def scipy_ks(e: Mapping[str, Any], row: Mapping[str, Any], n: int, m: int) -> tuple[str, str, Any]:
    method = e["params"]["method"]
    if method == "auto" or (method == "exact" and max(n, m) <= pvalues.MAX_EXACT):
        return verdict(e, e["value"], row, "p_value", p=True)
    if method == "asymp":
        ours = pvalues._kstwo_sf(row["value"], round(n * m / (n + m)))
        return (REPRODUCED if same(e["value"], ours, p=True) else WRONG), "", ours
    return DELIBERATE, f"p is SciPy's method='auto'; {method} is not offered", row["p_value"]


def scipy_binned(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    dataset, stat, params, golden = e["dataset"], e["stat"], e["params"], e["value"]
    binning = BINNINGS[params["binning"]]
    zero = "evidently" if stat.startswith("kl_") else ZERO_RULES[params.get("zero_bins")]
    if stat in ("new_categories", "missing_categories"):
        if folder.kind(dataset) != "cat":
            return DELIBERATE, "new and vanished values are named for categorical columns, not for numbers", None
        row = folder.rows(dataset, ["unseen_rate", "vanished_rate"])[
            "unseen_rate" if stat[0] == "n" else "vanished_rate"
        ]
        names = sorted(v["value"] for v in row["values"])
        if same(sorted(v for v in golden if v is not None), names):
            return REPRODUCED, "", names
        if len(names) == NAMED_CHANGES and set(names) <= set(golden):
            return DELIBERATE, f"the {NAMED_CHANGES} most frequent new or vanished values are named, not all", names
        null = re.sub(r"[\W_]", "", str(next((v for v in golden if v not in names), ""))).lower() in (
            "null",
            "nan",
            "none",
        )
        return (DELIBERATE, "NULL is no value: it is counted by missing_rate", names) if null else (WRONG, "", names)
    plain = ["jensen_shannon", "jensen_shannon_e", "jensen_shannon_divergence", "hellinger", "total_variation",
             "l_infinity", "chi_squared", "chi_squared_yates", "chi_squared_one_sample", "g_test", "cramers_v",
             "cramers_v_corrected", "psi"]  # fmt: skip
    name = {
        "psi": "psi", "kl_ref_cur_eps_1e-4": "kl_divergence", "hellinger": "hellinger", "tvd": "total_variation",
        "l_infinity": "l_infinity", "js_divergence": "jensen_shannon_divergence",
        "js_distance": "jensen_shannon" if params.get("base") == 2 else "jensen_shannon_e",
        "chi2_gof_ref_as_truth": "chi_squared_one_sample", "g_contingency": "g_test",
        "chi2_contingency": "chi_squared_yates" if params.get("yates") else "chi_squared",
        "cramers_v": "cramers_v_corrected" if params.get("bias_corrected") else "cramers_v",
    }[stat]  # fmt: skip
    asked = plain if zero == "none" else ["psi", "kl_divergence"]
    row = folder.rows(dataset, asked, binning=binning, zero_shares=zero)[name]
    if isinstance(golden, list):
        return pair(e, golden, row)
    return verdict(e, golden, row, "value", p=False)


def evidently_values(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    dataset, stat, params, golden = e["dataset"], e["stat"], e["params"], e["value"]
    if folder.kind(dataset) == "frame":
        return evidently_frame(folder, e)
    method = stat.removeprefix("value_drift:")
    if method == "TVD":
        return DELIBERATE, "the reported number is the p of a random permutation test", None
    if method == "g_test":
        return DELIBERATE, "the library raises unless both sides have equal size; g_test here is two-sample", None
    if method != "DEFAULT" and EVIDENTLY[method] not in BY_NAME:
        return NOT_YET, f"{method} is not offered yet", None
    asked = [] if method == "DEFAULT" else [EVIDENTLY[method]]
    rows = folder.rows(dataset, asked, params.get("dtype"), preset="evidently")
    row = next((r for r in rows.values() if r["column_name"] == "value"), None)
    if row is None:
        return NOT_YET, "the preset has no test for this column", None
    if method == "es" and folder.distinct(dataset) < 5 and not same(golden, row["p_value"], p=True):
        return (
            DELIBERATE,
            "fewer than five values: the covariance is singular, and the library inverts what rounding left of it",
            row["p_value"],
        )
    if method != "DEFAULT":
        return verdict(e, golden, row, "p_value" if method in EVIDENTLY_P else "value", p=method in EVIDENTLY_P)
    chosen = e["resolved"]["cfg"]
    by_p = "p_value" in chosen["method"]
    found = verdict(e, golden, row, "p_value" if by_p else "value", p=by_p)
    drifted = golden < chosen["threshold"] if by_p else golden >= chosen["threshold"]
    if (row["decision"] == "alert") != drifted:
        return WRONG, f"flag {row['decision']} where the library says {'drift' if drifted else 'no drift'}", found[2]
    if found[0] == WRONG:
        return WRONG, f"{row['statistic']} where the library used {chosen['method']}", found[2]
    return found


def evidently_frame(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    columns = frame_columns(folder, e["dataset"], "evidently")
    method = e["params"].get("method")
    result = folder.frame(e["dataset"], columns, preset="evidently", statistics=[EVIDENTLY[method]] if method else None)
    by_column = {r["column_name"]: r for r in result.rows}
    if "DriftedColumnsCount" in e["stat"]:
        flags = [by_column[c]["decision"] == "alert" for c in columns]
        ours: Any = {"count": float(sum(flags)), "share": sum(flags) / len(flags)}
        whole = by_column.get(":table")
        limit = e["params"]["drift_share"]
        agree = whole is not None and (whole["decision"] == "alert") == (e["value"]["share"] >= limit)
        return (REPRODUCED if ours == e["value"] and agree else WRONG), "", ours
    row = by_column[e["column"]]
    by_p = "p_value" in e["stat"]
    found = verdict(e, e["value"], row, "p_value" if by_p else "value", p=by_p)
    limit = float(re.findall(r"threshold=([\d.]+)", e["stat"])[0])
    drifted = e["value"] < limit if by_p else e["value"] >= limit
    return found if (row["decision"] == "alert") == drifted else (WRONG, "flag differs", found[2])


def frame_columns(folder: Folder, dataset: str, library: str) -> list[str]:
    """The columns of a frame that its golden values are about."""
    named: dict[str, None] = {}
    for v in folder.golden["values"]:
        if v["dataset"] == dataset and v["library"] == library and (m := re.search(r"column=(\w+)", v["stat"])):
            named[m.group(1)] = None
    return list(named)


def nannyml_values(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    dataset, stat, params, golden = e["dataset"], e["stat"], e["params"], e["value"]
    family = stat.partition(":")[0]
    if family in ("cbpe", "realized"):
        return model_values(folder, e)
    if family == "pca_reconstruction":
        return together_values(folder, e)
    if family == "ranker":
        return ranker_values(folder, e)
    if folder.kind(dataset) == "frame":
        return nannyml_chunks(folder, e)
    statistic = NANNYML[stat]
    binned = BY_NAME[statistic].source == "bins"
    continuous = params["feature_type"] == "continuous"
    together = statistic in ("jensen_shannon", "hellinger")
    options = {"binning": Binning("doane" if continuous else "values", unseen_together=together)} if binned else {}
    row = folder.rows(dataset, [statistic], **options)[statistic]
    found = verdict(e, golden, row, "value", p=False)
    if found[0] == REPRODUCED and e.get("p_value") is not None:
        found = (*verdict(e, e["p_value"], row, "p_value", p=True)[:2], found[2])
    if found[0] == WRONG and row["n_reference"] >= 10_000 and not binned:
        return (
            DELIBERATE,
            "NannyML estimates it from 10,000 bins where the reference has 10,000 rows or more; here it is exact",
            found[2],
        )
    return found


def nannyml_chunks(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    dataset, stat, params = e["dataset"], e["stat"], e["params"]
    family, _, rest = stat.partition(":")
    match = re.fullmatch(
        r"(.+)_(value|upper_threshold|lower_threshold|alert|sampling_error|upper_confidence_boundary|lower_confidence_boundary)",
        rest,
    )
    if match is None:
        return NOT_YET, "no such number yet", None
    what = match.group(2)
    method = next((m for m in NANNYML if match.group(1).endswith(f"_{m}")), family)
    column = match.group(1).removesuffix(f"_{method}")
    header = next(csv.reader((folder.path / "data" / f"{dataset}.csv").open(encoding="utf-8")))
    result = folder.frame(
        dataset, [column], preset="nannyml", statistics=[NANNYML[method]],
        chunks=Chunks("row" if "row" in header else "ts", params.get("chunk_size"), params.get("chunk_number")),
    )  # fmt: skip
    rows = [*result.reference_rows, *(r for r in result.rows if r["chunk"] is not None)]
    key = {
        "value": "value",
        "upper_threshold": "alert_threshold",
        "lower_threshold": "lower_threshold",
        "alert": "decision",
        "sampling_error": "sampling_error",
        "upper_confidence_boundary": "band_upper",
        "lower_confidence_boundary": "band_lower",
    }[what]
    ours = [r[key] == "alert" if what == "alert" else r[key] for r in rows]
    if what.endswith("threshold") and NANNYML[method].startswith("chi") and e["value"] == [None] * len(ours):
        return REPRODUCED, "", None  # the limit is on p
    if (
        what == "value"
        and not same(e["value"], ours)
        and same(e["value"], _of_all_rows(family, rows, params["chunk_size"]))
    ):
        return (
            DELIBERATE,
            "NannyML divides by all rows (unseen: NULL counts as unseen); here by the values that are there",
            ours,
        )
    return (REPRODUCED if same(e["value"], ours) else WRONG), "", ours


KEYS = {
    "value": "value", "sampling_error": "sampling_error", "upper_confidence_boundary": "band_upper",
    "lower_confidence_boundary": "band_lower", "upper_threshold": "alert_threshold",
    "lower_threshold": "lower_threshold", "alert": "decision",
}  # fmt: skip
DRAWN = ("sampling_error", "upper_confidence_boundary", "lower_confidence_boundary")


def model_values(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    """Performance as it came true (realized) and as the scores say it should be (cbpe)."""
    family, _, rest = e["stat"].partition(":")
    what = next(k for k in ("realized", *KEYS) if rest.endswith(f"_{k}"))
    metric = rest.removesuffix(f"_{what}")
    result = folder.model(e["dataset"], e["column"], e["params"])
    estimated = family == "cbpe" and what != "realized"
    name = f"estimated_{metric}" if estimated else metric
    rows = [r for r in (*result.reference_rows, *result.rows) if r["statistic"] == name and r["chunk"] is not None]
    if what == "realized":
        known = sum(v is not None for v in e["value"])  # labels are withheld from the estimator after the reference
        ours = [r["value"] if i < known else None for i, r in enumerate(rows)]
    else:
        ours = [r["decision"] == "alert" if what == "alert" else r[KEYS[what]] for r in rows]
    if metric == "average_precision" and what in DRAWN:
        return DELIBERATE, "NannyML draws 50 random samples for it, without a seed: not a function of the data", None
    return (REPRODUCED if same(e["value"], ours) else WRONG), "", ours


def together_values(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    """Reconstruction error of the columns that the value names."""
    what = next(k for k in KEYS if e["stat"].endswith(f"_{k}"))
    columns = e["column"].split(",")
    result = folder.chunks(e["dataset"], e["params"]["chunk_size"], columns=columns, together=True, statistics=["missing_rate"])
    rows = [r for r in (*result.reference_rows, *result.rows) if r["statistic"] == "reconstruction_error"]
    ours = [r["decision"] == "alert" if what == "alert" else r[KEYS[what]] for r in rows]
    return (REPRODUCED if same(e["value"], ours) else WRONG), "", ours


def ranker_values(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    """Columns in order of alerts, or of correlation with performance; both in chunks of the other values' size."""
    dataset, method, golden = e["dataset"], NANNYML[e["params"]["method"]], e["value"]
    size = next(
        v["params"]["chunk_size"]
        for v in folder.golden["values"]
        if v["dataset"] == dataset and "chunk_size" in v["params"]
    )
    result = folder.chunks(dataset, size, columns=sorted(g["column_name"] for g in golden), statistics=[method])
    if e["stat"] == "ranker:alert_count":
        ours = by_alerts([*result.reference_rows, *result.rows])
    else:
        metric = e["params"]["performance"]
        model = folder.model(dataset, "score", {"chunk_size": size})
        own = [r["value"] for r in model.reference_rows if r["statistic"] == metric]
        now = {r["chunk"]: r["value"] for r in model.rows if r["statistic"] == metric}
        ours = by_performance(result.rows, now, sum(own) / len(own))
    equal = len(ours) == len(golden) and all(same(g[k], o[k], p=k.endswith("pvalue")) for g, o in zip(golden, ours, strict=True) for k in g)
    return (REPRODUCED if equal else WRONG), "", ours


def _of_all_rows(family: str, rows: Sequence[Mapping[str, Any]], size: int) -> list[float]:
    """Rates of a chunk's values as NannyML's rates of its rows."""
    nulls = [size - r["n_current"] if family == "unseen" else 0 for r in rows]
    return [(r["value"] * r["n_current"] + extra) / size for r, extra in zip(rows, nulls, strict=True)]


DETECTORS = {
    "DDM": "ddm", "EDDM": "eddm", "HDDM_A": "hddm_a", "HDDM_W": "hddm_w", "ADWIN": "adwin", "PageHinkley": "page_hinkley",
    "cusum_first_alarm": "cusum",
}  # fmt: skip


def stream_values(folder: Folder, e: Mapping[str, Any]) -> tuple[str, str, Any]:
    name, _, rest = e["stat"].partition("(")
    if name == "KSWIN":
        return DELIBERATE, "it draws a random sample of its window", None
    given: dict[str, Any] = {}
    for word in rest.rstrip(")").split(","):
        key, equal, value = word.partition("=")
        if equal:
            given[key] = value if key == "mode" else float(value)
    if name == "cusum_first_alarm":
        given = {"mean": e["params"]["mu0"], "allowance": e["params"]["k"], "limit": e["params"]["h"]}
    source = folder.path / "data" / f"{e['dataset']}.csv"
    order = next(csv.reader(source.open(encoding="utf-8")))[0]
    found = api.detect(folder.url, e["dataset"], e["column"], order, DETECTORS[name], **given)
    ours: Any = {"drift_at": list(found.drifts), "first_warning": found.first_warning}
    if name == "cusum_first_alarm":
        ours = found.drifts[0] if found.drifts else None
    return (REPRODUCED if ours == e["value"] else WRONG), "", ours


PARTS: dict[str, Callable[[Folder, Mapping[str, Any]], tuple[str, str, Any]]] = {
    "scipy": scipy_values, "evidently": evidently_values, "nannyml": nannyml_values, "streams": stream_values,
}  # fmt: skip


def outcomes(path: Path, work: Path) -> Iterator[Outcome]:
    """One outcome for every golden value; a failure of ours is an outcome too."""
    folder = Folder(path, work)
    for e in folder.golden["values"]:
        yield outcome(folder, e)


def outcome(folder: Folder, e: Mapping[str, Any]) -> Outcome:
    statistic = re.sub(r"\(.*", "", e["stat"])
    if e["part"] == "nannyml" and ":" in statistic:
        statistic = statistic.partition(":")[0]
    try:
        status, reason, ours = PARTS[e["part"]](folder, e)
    except Exception as error:
        status, reason, ours = WRONG, f"{type(error).__name__}: {error}", None
    return Outcome(e["library"], statistic, e["dataset"], e["column"], status, reason, e["value"], ours)


def report(found: Sequence[Outcome], *, verbose: bool = False) -> str:
    lines, table = [], defaultdict(lambda: defaultdict(int))
    reasons: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for o in found:
        table[o.library, o.statistic][o.status] += 1
        if o.status != REPRODUCED:
            reasons[o.status, o.reason].append(o)
    heads = (REPRODUCED, DELIBERATE, NOT_YET, WRONG)
    lines.append(f"{'library':<11}{'statistic':<32}" + "".join(f"{h:>12}" for h in heads))
    for (library, statistic), counts in sorted(table.items()):
        lines.append(f"{library:<11}{statistic[:31]:<32}" + "".join(f"{counts[h] or '-':>12}" for h in heads))
    total = {h: sum(o.status == h for o in found) for h in heads}
    lines.append(f"{'all':<11}{len(found):<32}" + "".join(f"{total[h]:>12}" for h in heads))
    for status in (DELIBERATE, NOT_YET, WRONG):
        listed = {k: v for k, v in reasons.items() if k[0] == status}
        if listed:
            lines.append(f"\n{status}:")
        for (_, reason), some in sorted(listed.items(), key=lambda item: -len(item[1])):
            where = ", ".join(dict.fromkeys(f"{o.library} {o.statistic} of {o.dataset}" for o in some))
            lines.append(
                f"  {len(some):>4}  {reason or 'differs'}: {where if verbose or len(where) < 160 else where[:157] + '...'}"
            )
            if status == WRONG:
                lines += [
                    f"          {o.dataset} {o.column} {o.statistic}: {str(o.golden)[:70]} here {str(o.ours)[:70]}"
                    for o in some[: 12 if not verbose else None]
                ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        found = list(outcomes(given.folder, Path(work)))
    sys.stdout.write(report(found, verbose=given.verbose) + "\n")
    return 1 if any(o.status == WRONG for o in found) else 0


if __name__ == "__main__":
    np.seterr(all="ignore")
    raise SystemExit(main())
