"""Commands around a monitor's run. Imports stay inside the functions: ``--help`` must not load a warehouse."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warehouse_drift.cli_shell import monitor_names

if TYPE_CHECKING:
    from warehouse_drift.verbs_run import RunResult

Config = Annotated[str, typer.Option("--config", "-c", help="The configuration.")]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", "-s", help="Only these monitors: a name, or tag:X.", autocompletion=monitor_names),
]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", help="Not these monitors: a name, or tag:X.", autocompletion=monitor_names)
]
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
    threads: Annotated[int, typer.Option(min=0, help="Most threads that the warehouse may use; 0: its own choice.")] = 0,
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
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Also bytes, rows or cost of every scan, by the engine's own estimate.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what run would do now: scans, units, windows, refinement at most, rows stored. Writes nothing."""
    from warehouse_drift import verbs_run
    from warehouse_drift.plan.explain import as_dict, as_text

    if estimate:
        from warehouse_drift import verbs_estimate as found

        made, known = found.estimated_plan(
            config, select=parts(select), exclude=parts(exclude), as_of=as_of, target=target
        )
        body = as_dict(made) | {"estimates": [found.as_dict(*k) for k in known]}
        text = "\n\n".join([as_text(made), *(found.as_text(*k) for k in known)])
    else:
        made = verbs_run.plan(config, select=parts(select), exclude=parts(exclude), as_of=as_of, target=target)
        body, text = as_dict(made), as_text(made)
    typer.echo(json.dumps(body, indent=2) if as_json else text)
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


def compile_(
    dialect: Annotated[str | None, typer.Option(help="Any dialect; default: the one of the configuration.")] = None,
    config: Config = "drift.yml",
    select: Select = None,
    exclude: Exclude = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="A folder: one file a statement.")] = None,
    ddl: Annotated[bool, typer.Option("--ddl", help="The result tables and views instead, for a DBA.")] = False,
    introspect: Annotated[
        bool, typer.Option("--introspect", help="Read the columns from the warehouse (needs a connection).")
    ] = False,
    target: Target = None,
) -> None:
    """Write every SQL statement of the monitors for any dialect. Connects to nothing."""
    from pathlib import Path

    from warehouse_drift import verbs_compile

    if ddl:
        text = verbs_compile.ddl(config, dialect, target=target)
        if output is None:
            typer.echo(text, nl=False)
        else:
            Path(output).mkdir(parents=True, exist_ok=True)
            (Path(output) / "result_tables.sql").write_text(text, encoding="utf-8")
        return
    found = verbs_compile.compile_monitors(
        config, dialect=dialect, select=parts(select), exclude=parts(exclude), introspect=introspect, target=target
    )
    if output is None:
        typer.echo("\n".join(c.text for c in found), nl=False)
        return
    for one in found:
        folder = Path(output) / one.monitor
        folder.mkdir(parents=True, exist_ok=True)
        (folder / one.file_name).write_text(one.text, encoding="utf-8")
    typer.echo(f"{len(found)} statements in {output}")


def explain(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor.", autocompletion=monitor_names)],
    column: Annotated[str, typer.Argument(help="Name of the column; :table for the table's own rows.")],
    config: Config = "drift.yml",
    comparison: Annotated[str | None, typer.Option(help="Only this comparison.")] = None,
    window: Annotated[str | None, typer.Option(help="Local date of the window; default: the newest.")] = None,
    segment: Annotated[str, typer.Option(help="A segment as it is shown: country=DE.")] = "all",
    sql: Annotated[bool, typer.Option("--sql/--no-sql", help="With the statements behind it.")] = False,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Why was it decided so: bins and segments that carry it, the history, the limits, the SQL."""
    from dataclasses import asdict

    from warehouse_drift import verbs_read

    found = verbs_read.explain(
        config,
        monitor,
        column,
        comparison=comparison,
        window=window,
        segment=segment,
        sql=sql or as_json,
        target=target,
    )
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, allow_nan=False, default=str))
        return
    from rich.console import Console

    from warehouse_drift.reports.text import print_explanation

    print_explanation(found, Console(width=None if sys.stdout.isatty() else 100))


def report(
    config: Config = "drift.yml",
    format: Annotated[str, typer.Option("--format", help="html, json, markdown or csv")] = "markdown",
    output: Annotated[str | None, typer.Option("--output", "-o", help="A file instead of the terminal.")] = None,
    select: Select = None,
    exclude: Exclude = None,
    everything: Annotated[bool, typer.Option("--all", help="Also statistics that carry no decision.")] = False,
    target: Target = None,
) -> None:
    """The newest windows and open incidents, from published results. Scans nothing."""
    from pathlib import Path

    from warehouse_drift import verbs_read
    from warehouse_drift.errors import UsageError
    from warehouse_drift.reports.tables import as_csv, as_json
    from warehouse_drift.reports.text import markdown

    if format not in ("html", "json", "markdown", "csv"):
        raise UsageError(f"--format is html, json, markdown or csv, not {format!r}.")
    if format == "html":
        page = _html_report(config, parts(select), parts(exclude), target)
        if output is None:
            typer.echo(page, nl=False)
        else:
            Path(output).write_text(page, encoding="utf-8")
        return
    found = verbs_read.report(
        config, select=parts(select), exclude=parts(exclude), judged=not everything, target=target
    )
    text = {
        "json": lambda: as_json(found.as_dict()) + "\n",
        "csv": lambda: as_csv(found.rows),
        "markdown": lambda: markdown(found),
    }[format]()
    if output is None:
        typer.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")


def metrics(
    config: Config = "drift.yml",
    format: Annotated[str, typer.Option("--format", help="prometheus")] = "prometheus",
    output: Annotated[str | None, typer.Option("--output", "-o", help="A file, replaced as a whole: *.prom.")] = None,
    pushgateway: Annotated[str | None, typer.Option(help="URL of a Pushgateway.")] = None,
    otlp: Annotated[str | None, typer.Option(help="URL of an OTLP/HTTP receiver: http://host:4318/v1/metrics")] = None,
    job: Annotated[str, typer.Option(help="Job name at the Pushgateway.")] = "warehouse_drift",
    select: Select = None,
    exclude: Exclude = None,
    target: Target = None,
) -> None:
    """How the monitors stand, as metrics: for Prometheus' textfile collector, a Pushgateway, an OTLP receiver. Scans nothing."""
    from pathlib import Path

    from warehouse_drift.errors import UsageError
    from warehouse_drift.reports import metrics_push, prometheus

    if format != "prometheus":
        raise UsageError(f"--format is prometheus, not {format!r}.")
    found = prometheus.read_samples(config, select=parts(select), exclude=parts(exclude), target=target)
    if output is not None:
        prometheus.write_file(prometheus.exposition(found), Path(output))
    if pushgateway:
        project = next(s.labels[0] for s in found)  # every metric begins with it
        metrics_push.push(found, pushgateway, job, project)
    if otlp:
        metrics_push.send_otlp(found, otlp)
    if output is None and not pushgateway and not otlp:
        typer.echo(prometheus.exposition(found), nl=False)


def _html_report(config: str, select: list[str], exclude: list[str], target: str | None) -> str:
    from warehouse_drift.reports import charts
    from warehouse_drift.reports.gather import gather
    from warehouse_drift.reports.html import html
    from warehouse_drift.reports.page import build

    if not charts.available():
        print("The report has no charts: pip install 'warehouse-drift[report]' for them.", file=sys.stderr)
    return html(build(gather(config, select=select, exclude=exclude, target=target), config))


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
    for command in (run, plan, explain, report, metrics, backfill):
        app.command()(command)
    app.command("compile")(compile_)
    app.add_typer(baseline, name="baseline")
