"""Commands around a monitor's run. Imports stay inside the functions: ``--help`` must not load a warehouse."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from warehouse_drift.verbs_run import RunResult

Config = Annotated[str, typer.Option("--config", "-c", help="The configuration.")]
Select = Annotated[list[str] | None, typer.Option("--select", "-s", help="Only these monitors: a name, or tag:X.")]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", help="Not these monitors: a name, or tag:X.")]
Target = Annotated[str | None, typer.Option(help="Target of the dbt profile.")]
FailOn = Annotated[str, typer.Option(help="Exit with 1 at: warn, alert, no_decision or never.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result, no progress.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="Pretend that it is this date or time (in the monitor's zone).")
]
LEVELS = ("warn", "alert", "no_decision", "never")


def check_level(fail_on: str) -> None:
    from warehouse_drift.errors import UsageError

    if fail_on not in LEVELS:
        raise UsageError(f"--fail-on is one of {', '.join(LEVELS)}, not {fail_on!r}.")


def parts(words: list[str] | None) -> list[str]:
    """Options that are given several times or with commas."""
    return [p.strip() for w in words or [] for p in w.split(",") if p.strip()]


def progress(quiet: bool) -> Callable[[str], None]:
    """Progress goes to stderr, so that stdout stays the result."""
    return (lambda _: None) if quiet else (lambda line: print(line, file=sys.stderr, flush=True))


def run(
    config: Config = "drift.yml",
    select: Select = None,
    exclude: Exclude = None,
    as_of: AsOf = None,
    target: Target = None,
    threads: Annotated[int, typer.Option(help="Most threads that the warehouse may use; 0: its own choice.")] = 0,
    fail_on: FailOn = "alert",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Profile what is due, decide, publish. Run it again at any time: what is done is not done twice."""
    from warehouse_drift import verbs_run

    check_level(fail_on)
    done = verbs_run.run(
        config, select=parts(select), exclude=parts(exclude), as_of=as_of, target=target, threads=threads,
        say=progress(quiet or as_json),
    )  # fmt: skip
    finish(done, fail_on, as_json)


def backfill(
    start: Annotated[str, typer.Option("--from", help="First date, in the monitor's zone.")],
    end: Annotated[str, typer.Option("--to", help="First date that is no longer part of it.")],
    config: Config = "drift.yml",
    select: Select = None,
    exclude: Exclude = None,
    target: Target = None,
    fail_on: FailOn = "never",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Profile the buckets of a range again and decide every window that holds one of them."""
    from warehouse_drift import verbs_run

    check_level(fail_on)
    done = verbs_run.backfill(
        config, start, end, select=parts(select), exclude=parts(exclude), target=target, say=progress(quiet or as_json)
    )
    finish(done, fail_on, as_json)


def plan(
    config: Config = "drift.yml",
    select: Select = None,
    exclude: Exclude = None,
    as_of: AsOf = None,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Show what run would do now: scans, units, windows, refinement at most, rows stored. Writes nothing."""
    from warehouse_drift import verbs_run
    from warehouse_drift.plan.explain import as_dict, as_text

    made = verbs_run.plan(config, select=parts(select), exclude=parts(exclude), as_of=as_of, target=target)
    typer.echo(json.dumps(as_dict(made), indent=2) if as_json else as_text(made))
    if made.failed:
        raise typer.Exit(2)


baseline = typer.Typer(help="The reference of a monitor.", no_args_is_help=True)


@baseline.command("refresh")
def refresh(
    config: Config = "drift.yml",
    select: Select = None,
    exclude: Exclude = None,
    target: Target = None,
    fail_on: FailOn = "never",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take the baseline anew, under the next version, and judge the newest windows against it."""
    from warehouse_drift import verbs_run

    check_level(fail_on)
    done = verbs_run.refresh_baseline(
        config, select=parts(select), exclude=parts(exclude), target=target, say=progress(quiet or as_json)
    )
    finish(done, fail_on, as_json)


def finish(done: RunResult, fail_on: str, as_json: bool) -> None:
    """Prints a run and leaves with its exit code: 2 when a monitor failed, 1 for drift at the level, else 0."""
    if as_json:
        typer.echo(json.dumps(run_dict(done), indent=2, allow_nan=False, default=str))
    else:
        for line in done.lines:
            typer.echo(line)
    if done.failed:
        raise typer.Exit(2)
    if done.reached(fail_on):
        raise typer.Exit(1)


def run_dict(done: RunResult) -> dict[str, Any]:
    """A run as plain values."""
    monitors = []
    for m in done.monitors:
        decisions = [d for w in m.windows for d in w.decisions]
        monitors.append(
            {
                "monitor": m.name,
                "failed": m.failed or None,
                "units_profiled": m.units,
                "rows_scanned": m.rows_scanned,
                "refined_rows": m.refined_rows,
                "late_buckets_unchanged": m.unchanged,
                "windows": [
                    {"comparison": w.comparison, "window": w.title, "window_start": str(w.span.start), "rows": w.rows}
                    for w in m.windows
                ],
                "decided": m.decided,
                "undecided": m.undecided,
                "alerts": [
                    {
                        "comparison": w.comparison,
                        "window_start": str(w.span.start),
                        "segment": d.summary.segment,
                        "column_name": d.summary.column_name,
                        "statistic": d.summary.statistic,
                        "value": d.summary.value,
                        "decision": d.verdict.value,
                        "reason": d.reason,
                    }
                    for w in m.windows
                    for d in w.decisions
                    if d.verdict.value in ("alert", "warn")
                ],
                "counts": _counts(decisions),
            }
        )
    return {
        "run_id": done.run_id,
        "monitors": monitors,
        "statements": done.statements,
        "rows_fetched": done.rows_fetched,
        "lines": list(done.lines),
    }


def _counts(decisions: list[Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for d in decisions:
        found[d.verdict.value] = found.get(d.verdict.value, 0) + 1
    return found


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (run, plan, backfill):
        app.command()(command)
    app.add_typer(baseline, name="baseline")
