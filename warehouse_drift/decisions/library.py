"""What other libraries would decide: their tests, bins, limits and drift rules, read from a preset's file.

A preset with a ``[library]`` table is such a description. Its decisions are the library's own: no p gate, no adjustment,
no minimum size. Pure apart from reading the file that ships with the package.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import files

from warehouse_drift.decisions import sentences
from warehouse_drift.decisions.decide import DRIFTED_SHARE, TABLE_COLUMN
from warehouse_drift.decisions.evidence import EVIDENCE
from warehouse_drift.decisions.model import Decision, Summary, Verdict
from warehouse_drift.decisions.pvalues import ks_pvalue
from warehouse_drift.decisions.thresholds import preset_names
from warehouse_drift.errors import UsageError
from warehouse_drift.grid.edges import Binning

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LibraryTest:
    """One ``[[test]]`` of a preset. The first that fits a column is its test; one with ``also`` comes on top; one with
    ``asked`` is used only when its statistic is asked for by name.

    ``limit``: drift when the value (or p, ``decides``) is ``drift`` it; without ``limit`` and ``multiplier`` nothing is
    judged. ``multiplier``: the limit is the mean of the reference's own chunks plus so many standard deviations, kept
    within [``smallest``, ``largest``]; ``both_sides`` adds a lower one.
    """

    kinds: tuple[str, ...]
    statistic: str
    decides: str = "value"
    drift: str = ">="
    limit: float | None = None
    asked: bool = False
    also: bool = False
    rows_up_to: int | None = None
    distinct_up_to: int | None = None
    distinct_over: int = -1
    binning: str = "values"
    values_up_to: int = 0
    of_distinct: bool = False
    unseen_together: bool = False
    whole_numbers: bool = False
    zero_shares: str = "none"
    zero_share_is_drift: bool = False
    multiplier: float | None = None
    both_sides: bool = False
    smallest: float | None = None
    largest: float | None = None

    def fits(self, kind: str, rows: int, distinct: int) -> bool:
        return (
            kind in self.kinds
            and (self.rows_up_to is None or rows <= self.rows_up_to)
            and (self.distinct_up_to is None or distinct <= self.distinct_up_to)
            and distinct > self.distinct_over
        )

    @property
    def bins(self) -> Binning:
        return Binning(
            self.binning,
            values_up_to=self.values_up_to,
            of_distinct=self.of_distinct,
            unseen_together=self.unseen_together,
            whole_numbers=self.whole_numbers,
        )


@dataclass(frozen=True, slots=True)
class Library:
    """``dataset_share``: the data set drifts when this share of its columns does; ``chunks``: the current rows, in
    order, are cut into so many; ``leave_one_out``: a reference chunk is compared with the rest of the reference."""

    name: str
    title: str
    tests: tuple[LibraryTest, ...]
    drop_infinite: bool = False
    dataset_share: float | None = None
    chunks: int = 0
    leave_one_out: bool = False

    def chosen(self, kind: str, rows: int, distinct: int, asked: Sequence[str] | None) -> tuple[LibraryTest, ...]:
        """The tests of a column with so many reference values, and distinct values on both sides together."""
        if asked:
            found = [t for t in self.tests if t.statistic in asked and t.fits(kind, rows, distinct)]
            byname: dict[str, LibraryTest] = {}
            for test in sorted(found, key=lambda t: not t.asked):  # written for this question before the defaults
                byname.setdefault(test.statistic, test)
            return tuple(byname.values())
        fitting = [t for t in self.tests if not t.asked and t.fits(kind, rows, distinct)]
        first = next((t for t in fitting if not t.also), None)
        return tuple(t for t in fitting if t is first or t.also)


@lru_cache(maxsize=16)
def library(name: str) -> Library | None:
    """The library that a preset describes; None for a preset of limits only. Raises UsageError for an unknown name."""
    if name not in preset_names():
        raise UsageError(f"There is no preset {name!r}.", hint=f"Known: {', '.join(preset_names())}.")
    raw = tomllib.loads((files(__package__) / "presets" / f"{name}.toml").read_text(encoding="utf-8"))
    if "library" not in raw:
        return None
    known = {f.name for f in fields(LibraryTest)}
    tests = []
    for table in raw["test"]:
        assert set(table) <= known, f"{name}.toml: {set(table) - known}"
        tests.append(LibraryTest(**table | {"kinds": tuple(table["kinds"])}))
    return Library(name, tests=tuple(tests), **raw["library"])


def chunk_limits(test: LibraryTest, values: Sequence[float]) -> tuple[float | None, float | None]:
    """(lower, upper) from the values of the reference's chunks; (None, None) when there are none."""
    if test.multiplier is None or not values:
        return None, test.limit
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))
    upper = mean + test.multiplier * deviation
    lower = mean - test.multiplier * deviation if test.both_sides else None
    if test.largest is not None:
        upper = min(upper, test.largest)
    if lower is not None and test.smallest is not None:
        lower = max(lower, test.smallest)
    return lower, upper


def share_band(summary: Summary, reference: float | None) -> tuple[float | None, float | None, float | None]:
    """(sampling error, lower, upper) of a share in a chunk: three standard errors of the reference's share around it."""
    if summary.value is None or reference is None or summary.n_current < 1:
        return None, None, None
    error = math.sqrt(reference * (1.0 - reference) / summary.n_current)
    return error, max(summary.value - 3.0 * error, 0.0), min(summary.value + 3.0 * error, 1.0)


def p_value(summary: Summary) -> float | None:
    if summary.value is None:
        return None
    if summary.statistic == "ks":
        return ks_pvalue(min(max(summary.value, 0.0), 1.0), summary.n_reference, summary.n_current)
    if summary.statistic in EVIDENCE:
        return EVIDENCE[summary.statistic](summary)
    if summary.test_value is not None and summary.test_df is not None and summary.statistic == "chi_squared":
        from warehouse_drift.decisions.pvalues import chi_squared_pvalue

        return chi_squared_pvalue(summary.test_value, summary.test_df)
    return None


def judge(
    owner: Library, test: LibraryTest, summary: Summary, limits: tuple[float | None, float | None] = (None, None)
) -> Decision:
    """The library's verdict about one summary. ``limits``: (lower, upper) where they come from reference chunks."""
    lower, limit = limits if test.multiplier is not None else (None, test.limit)
    p, code = p_value(summary), summary.reason_code
    seen = p if test.decides == "p" else summary.value
    source = f"preset {owner.name} ({owner.title}: {'p' if test.decides == 'p' else 'value'} {test.drift} "
    source += f"mean + {test.multiplier:g} deviations of the reference chunks)" if test.multiplier else f"{test.limit})"
    who = sentences.subject(summary)
    if seen is None and code == "zero_share" and test.zero_share_is_drift:
        verdict, why = (
            Verdict.ALERT,
            f"{owner.title} calls this drift: a value occurs that the reference never had, so its p is 0",
        )
    elif seen is None:
        verdict, why = Verdict.NONE, sentences.REASONS.get(code or "", "no decision is possible")
    elif limit is None:
        verdict, why, source = (
            Verdict.NOT_JUDGED,
            f"{sentences.measured(summary)}; {owner.title} sets no limit",
            "not judged",
        )
    else:
        drifted = SIGNS[test.drift](seen, limit) or (lower is not None and seen < lower)
        verdict = Verdict.ALERT if drifted else Verdict.OK
        what = sentences.chance(seen) if test.decides == "p" else sentences.measured(summary)
        why = f"{owner.title} {'calls this drift' if drifted else 'sees no drift'}: {what} (limit {test.drift} {limit:.4g})"
    alert = None if verdict is Verdict.NOT_JUDGED else limit
    return Decision(summary, verdict, verdict, "exact", p, None, None, alert, source, code, f"{who}: {why}.")


def dataset_decision(owner: Library, decisions: Sequence[Decision]) -> Decision | None:
    """The data set's own row, when the library has a rule for it."""
    if owner.dataset_share is None:
        return None
    drifted: Mapping[str, bool] = {}
    found: dict[str, bool] = dict(drifted)
    for d in decisions:
        if d.verdict in (Verdict.ALERT, Verdict.OK):
            found[d.summary.column_name] = found.get(d.summary.column_name, False) or d.verdict is Verdict.ALERT
    count = len(found)
    share = sum(found.values()) / count if count else None
    code = None if count else "nothing_decided"
    summary = Summary(
        "all", None, None, TABLE_COLUMN, "table", "", DRIFTED_SHARE, share, share, share, count, count, reason_code=code
    )
    if share is None:
        return Decision(
            summary,
            Verdict.NONE,
            Verdict.NONE,
            "none",
            None,
            None,
            None,
            None,
            "not judged",
            code,
            f"The table: {sentences.REASONS['nothing_decided']}.",
        )
    verdict = Verdict.ALERT if share >= owner.dataset_share else Verdict.OK
    why = f"The table: {sentences.measured(summary)} (limit >= {100 * owner.dataset_share:g} %)."
    source = f"preset {owner.name} ({owner.title})"
    return Decision(summary, verdict, verdict, "exact", None, None, None, owner.dataset_share, source, None, why)


def knows(owner: Library, statistics: Sequence[str]) -> None:
    """Raises UsageError for a statistic that the library has no test of."""
    has = list(dict.fromkeys(t.statistic for t in owner.tests))
    for name in statistics:
        if name not in has:
            raise UsageError(f"{owner.title} has no test of {name!r}.", hint=f"It has: {', '.join(has)}.")
