"""What a run would cost, before it is run: estimates of every statement that reads a source, and budgets.

The statements are those of the plan, written down instead of sent (as ``compile`` does), with placeholders for what
only the data can tell: a grid's edges change no scan. Statements that only the data can call for (another pass over a
baseline's odd column, a refinement) are met by the ``Meter`` when they come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from warehouse_drift import verbs_run
from warehouse_drift.config.model import BudgetConfig, Config, MonitorConfig
from warehouse_drift.errors import DriftError, UsageError
from warehouse_drift.pipeline.columns import measure
from warehouse_drift.pipeline.run import run_monitor
from warehouse_drift.plan.model import MonitorPlan, Plan
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.render import header
from warehouse_drift.verbs_compile import placeholder_answers
from warehouse_drift.warehouse.estimate import Estimate, estimate, total
from warehouse_drift.warehouse.execute import Warehouse
from warehouse_drift.warehouse.record import Recorder

PLANNING = frozenset({"newest row", "rows without a usable time"})
"""Statements of a plan's own questions that read the source."""
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


@dataclass(frozen=True, slots=True)
class EstimatedStatement:
    """``step``: what the run is doing then; ``name``: its template."""

    step: str
    name: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class MonitorEstimate:
    """Every known statement of a monitor's run that reads its source, and their sum."""

    monitor: str
    statements: tuple[EstimatedStatement, ...]

    @property
    def total(self) -> Estimate:
        return total([s.estimate for s in self.statements])


@cache
def reads_source(name: str) -> bool:
    """Whether a statement of that name scans rows of a source: its template says so in its inputs."""
    return name in PLANNING or ("/" in name and re.search(r"\b(source|slice)\b", header(name).get("inputs", "")) is not None)


def select_of(sql: str, dialect: Dialect) -> str:
    """The SELECT of a statement that may be one that keeps its result in a scratch table."""
    before, after = (re.escape(p) for p in dialect.statements["create_scratch"].split("{select}"))
    shape = before.replace(re.escape("{name}"), r"\S+") + r"(.*)" + after + r"\s*\Z"
    found = re.match(shape, sql, re.S)
    return found.group(1) if found else sql


def estimate_plan(warehouse: Warehouse, plan: MonitorPlan, schema: str) -> MonitorEstimate:
    """Estimates of one monitor's plan. Nothing is executed but the engine's questions for it."""
    recorder = Recorder(
        warehouse.dialect, placeholder_answers(plan, measure(plan.monitor.columns, warehouse.dialect, plan.measured)), plan.now
    )  # fmt: skip

    def say(step: str) -> None:
        recorder.step = step.split(": ", 1)[-1]

    with suppress(UsageError):  # a monitor that cannot run says so when it is run; what it would read until then is known
        # comparisons read stored profiles only, which are small
        run_monitor(recorder, schema, replace(plan, comparisons=()), "estimate", say)
    found = []
    for one in recorder.statements:
        if reads_source(one.name):
            select = select_of(one.sql, warehouse.dialect)
            if "wd_scratch_" in select:
                known = Estimate(reason="it reads what a statement before it makes")
            else:
                known = estimate(warehouse, select, name=one.name)
            found.append(EstimatedStatement(one.step, one.name, known))
    return MonitorEstimate(plan.monitor.name, tuple(found))


def estimated_plan(
    path: str, *, select: Sequence[str] = (), exclude: Sequence[str] = (), as_of: str | None = None, target: str | None = None
) -> tuple[Plan, tuple[tuple[MonitorEstimate, BudgetConfig | None], ...]]:
    """A plan, and what each of its monitors would read with the budget for it. Writes nothing."""
    found: list[tuple[MonitorEstimate, BudgetConfig | None]] = []

    def also(warehouse: Warehouse, config: Config, planned: Plan) -> None:
        for one in planned.monitors:
            budget = budget_of(config, config.monitor(one.monitor.name))
            found.append((estimate_plan(warehouse, one, planned.schema), budget))

    made = verbs_run.plan(path, select=select, exclude=exclude, as_of=as_of, target=target, also=also)
    return made, tuple(found)


def budget_of(config: Config, given: MonitorConfig) -> BudgetConfig | None:
    return given.budget or config.defaults.budget


@dataclass(slots=True)
class Meter:
    """Adds up what a monitor's statements read, before each is executed, and keeps its budget.

    Raises UsageError above it, or keeps one sentence in ``warnings`` where ``on_exceed`` is ``warn``.
    """

    warehouse: Warehouse
    monitor: str
    budget: BudgetConfig
    place: str
    spent: list[Estimate] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __call__(self, sql: str, name: str) -> None:
        if reads_source(name):
            self.spent.append(estimate(self.warehouse, select_of(sql, self.warehouse.dialect), name=name))
            self._check(self.spent, f"it was stopped before {name}" if name not in PLANNING else "nothing was read")

    def foresee(self, plan: MonitorPlan, schema: str) -> None:
        """Checks a whole plan before its first statement."""
        found = [s.estimate for s in estimate_plan(self.warehouse, plan, schema).statements]
        self._check([*self.spent, *(e for e in found if "before it makes" not in e.reason)], "nothing was read")

    def begin(self) -> None:
        """From here on every statement is met, and the server refuses one that alone would bill more, where it can."""
        self.warehouse.before = self
        self._cap(self.budget.bytes if self.budget.on_exceed == "refuse" else None)

    def end(self) -> None:
        self.warehouse.before = None
        with suppress(DriftError):  # the connection may be gone
            self._cap(None)

    def _cap(self, most: int | None) -> None:
        shape = self.warehouse.dialect.statements.get("cap")
        if shape is not None and self.budget.bytes is not None:
            self.warehouse.set(shape.format(bytes=most or 0), name="cost cap")

    def _check(self, parts: Sequence[Estimate], state: str) -> None:
        if (over := self._over(parts)) is None:
            return
        why, hint = over
        sentence = f"monitor {self.monitor}: {why} ({self.place})"
        if self.budget.on_exceed == "warn":
            if not self.warnings:
                self.warnings.append(f"{sentence}; it goes on, for on_exceed is warn.")
            return
        raise UsageError(f"{sentence}; {state}.", hint=hint)

    def _over(self, parts: Sequence[Estimate]) -> tuple[str, str] | None:
        """Why the budget is not kept, and what to do."""
        unknown = next((p.reason for p in parts if not p.known), None)
        if unknown is not None:
            why = f"its budget cannot be kept, because a statement cannot be estimated: {unknown.rstrip('.')}"
            return why, "Take the budget out, or set on_exceed: warn."
        if not parts:
            return None
        known = total(parts)
        for unit, limit, found in (("bytes", self.budget.bytes, known.bytes), ("rows", self.budget.rows, known.rows)):
            if limit is None:
                continue
            if found is None:
                why = f"its budget of {unit} cannot be kept, because {self.warehouse.dialect.name} tells no {unit} beforehand"
                return why, f"Set the budget in {'rows' if unit == 'bytes' else 'bytes'}, or take it out."
            if found > limit:
                given, most = (human(found), human(limit)) if unit == "bytes" else (f"{found:,} rows", f"{limit:,} rows")
                why = f"its run would read an estimated {given}, and its budget is {most}"
                return why, "Raise the budget, narrow the monitor (columns, where, baseline), or set on_exceed: warn."
        return None


def meter(warehouse: Warehouse, config: Config, given: MonitorConfig) -> Meter:
    """The meter of a monitor that has a budget."""
    budget = budget_of(config, given)
    assert budget is not None
    path = (*config.path_of(given), "budget") if given.budget else ("defaults", "budget")
    file, line = config.place(path)
    return Meter(warehouse, given.name, budget, f"{file}:{line}")


def human(size: float) -> str:
    """Bytes for people: 1.5 GB."""
    for unit in UNITS:
        if size < 1000 or unit == UNITS[-1]:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError


def as_dict(found: MonitorEstimate, budget: BudgetConfig | None) -> dict[str, Any]:
    """Only plain values, ready for JSON."""
    return {
        "monitor": found.monitor,
        "total": _numbers(found.total),
        "budget": budget.model_dump() if budget else None,
        "statements": [{"step": s.step, "template": s.name, **_numbers(s.estimate)} for s in found.statements],
    }


def _numbers(e: Estimate) -> Mapping[str, Any]:
    return {"bytes": e.bytes, "rows": e.rows, "cost": e.cost, "reason": e.reason or None}


def as_text(found: MonitorEstimate, budget: BudgetConfig | None) -> str:
    """A line a statement, and the sum."""
    if not found.statements:
        return f"{found.monitor}: no statement reads the source now"
    out = [f"{found.monitor}: estimated by the engine itself, statement by statement"]
    step = ""
    for s in found.statements:
        if s.step != step:
            step = s.step
            out.append(f"  {step}")
        out.append(f"    {s.name:<28} {_shown(s.estimate)}")
    out.append(f"  together: {_shown(found.total)}")
    unknown = sum(not s.estimate.known for s in found.statements)
    if unknown and found.total.known:
        out.append(f"  without {unknown} statement(s) that cannot be estimated beforehand")
    if budget is not None:
        limits = [human(budget.bytes)] if budget.bytes else []
        limits += [f"{budget.rows:,} rows"] if budget.rows else []
        out.append(f"  budget: {', '.join(limits)} ({budget.on_exceed} above it)")
    return "\n".join(out)


def _shown(e: Estimate) -> str:
    if not e.known:
        return f"not known: {e.reason}"
    parts = [human(e.bytes)] if e.bytes is not None else []
    parts += [f"{e.rows:,} rows"] if e.rows is not None else []
    parts += [f"cost {e.cost:,.0f}"] if e.cost is not None else []
    return ", ".join(parts)


