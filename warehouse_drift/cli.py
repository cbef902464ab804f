"""The command ``warehouse-drift``. Thin calls into ``api``; exit codes 0 (fine), 1 (drift), 2 (could not finish)."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
import typer.core

from warehouse_drift import cli_alerts, cli_dbt, cli_run, cli_shell

if TYPE_CHECKING:
    from warehouse_drift.api import Model



class _Commands(typer.core.TyperGroup):
    """Ctrl-C is ours to answer: the library would leave silently, with a code of its own."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail("interrupted; nothing half done is visible. Run the same command again.")


app = typer.Typer(
    name="warehouse-drift",
    cls=_Commands,
    help="Watches data and model drift inside your data warehouse. Statistics are SQL; only small summaries leave it.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
Config = Annotated[str, typer.Option("--config", "-c", help="The configuration.")]
Target = Annotated[str, typer.Option(help="Target of the dbt profile.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
_LEVELS = {"warn": ("warn", "alert"), "alert": ("alert",), "no_decision": ("warn", "alert", "none"), "never": ()}


def _version(wanted: bool) -> None:
    if wanted:
        from warehouse_drift import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _model(label: str, prediction: str, score: str, positive: str) -> Model | None:
    """The model of ``compare``'s options; None where none of them is given."""
    from warehouse_drift.api import Model
    from warehouse_drift.errors import UsageError

    if not label and (prediction or score or positive):
        raise UsageError("--prediction, --score and --positive need --label.", hint="Add --label COLUMN.")
    return Model(label, prediction or None, score or None, positive or None) if label else None


@app.command()
def compare(
    url: Annotated[str, typer.Option(help="SQLAlchemy URL, e.g. duckdb:///shop.duckdb")],
    reference: Annotated[str, typer.Option(help="Table name, or a SELECT in parentheses.")],
    current: Annotated[str, typer.Option(help="Table name, or a SELECT in parentheses.")],
    columns: Annotated[str, typer.Option(help="Only these columns, separated by commas.")] = "",
    statistics: Annotated[str, typer.Option(help="Only these statistics, separated by commas.")] = "",
    preset: Annotated[str, typer.Option(help="psi_classic, or a library: evidently, nannyml, azure_ml, vertex, ...")] = "psi_classic",
    precision: Annotated[str, typer.Option(help="certified or exact")] = "certified",
    binning: Annotated[
        str, typer.Option(help="Bins: quantile, quantile_exact, equal_width, sturges, doane, values or custom.")
    ] = "quantile",
    edges: Annotated[
        str, typer.Option(help="For --binning custom: column=edge,edge,...; several columns separated by ';'.")
    ] = "",
    zero_shares: Annotated[
        str, typer.Option(help="What replaces a share of zero: default, evidently, laplace or none.")
    ] = "default",
    order_by: Annotated[str, typer.Option(help="For presets with chunks: the column that orders rows.")] = "",
    chunk_size: Annotated[int, typer.Option(help="For presets with chunks: rows of a chunk.")] = 0,
    label: Annotated[str, typer.Option(help="A model's label: its performance is measured too.")] = "",
    prediction: Annotated[str, typer.Option(help="The column of the model's predictions.")] = "",
    score: Annotated[str, typer.Option(help="The column of its scores (probabilities); performance is estimated from it too.")] = "",
    positive: Annotated[str, typer.Option(help="The positive class, where label and prediction are text.")] = "",
    together: Annotated[bool, typer.Option("--together", help="With --preset nannyml: judge the columns together too.")] = False,
    missing: Annotated[str, typer.Option(help="NULL in binned statistics: drop, or category.")] = "drop",
    format: Annotated[str, typer.Option("--format", help="table, markdown, json or csv")] = "table",
    fail_on: Annotated[str, typer.Option(help="warn, alert, no_decision or never")] = "alert",
) -> None:
    """Compare two tables now, without a config. Writes nothing; read-only credentials are enough."""
    from warehouse_drift import api
    from warehouse_drift.errors import UsageError
    from warehouse_drift.grid.edges import binning_of
    from warehouse_drift.pipeline.library import Chunks
    from warehouse_drift.reports.tables import as_csv, as_json, print_compare

    if format not in ("table", "markdown", "json", "csv"):
        raise UsageError(f"--format is table, markdown, json or csv, not {format!r}.")
    _check_fail_on(fail_on)
    result = api.compare(
        url,
        reference,
        current,
        columns=_list(columns),
        statistics=_list(statistics),
        preset=preset,
        precision=precision,
        binning=binning_of(binning, edges, missing),
        zero_shares=zero_shares,
        chunks=Chunks(order_by or None, chunk_size or None),
        model=_model(label, prediction, score, positive),
        together=together,
    )
    if format == "json":
        body = {
            "reference": reference,
            "current": current,
            "precision": precision,
            "worst": result.worst,
            "refined_rows": result.refined_rows,
            "statements": result.statements,
            "rows_fetched": result.rows_fetched,
            "rows": result.rows,
            **({"reference_rows": result.reference_rows, "ranking": result.ranking} if result.reference_rows else {}),
        }
        typer.echo(as_json(body))
    elif format == "csv":
        typer.echo(as_csv(result.rows), nl=False)
    elif format == "markdown":
        from warehouse_drift.reports.text import compare_markdown

        typer.echo(compare_markdown(result.rows, reference, current, fail_on), nl=False)
    else:
        from rich.console import Console

        print_compare(result.rows, Console(width=None if sys.stdout.isatty() else 120))
    decided = {r["decision"] for r in result.rows}
    undecided = result.worst == "none" and fail_on != "never"  # nothing at all could be decided: that is no "ok"
    if undecided or any(d in _LEVELS[fail_on] for d in decided):
        raise typer.Exit(1)


@app.command()
def check(
    config: Config = "drift.yml",
    target: Target = "",
    show_resolved: Annotated[bool, typer.Option("--show-resolved", help="Print every limit with its origin.")] = False,
) -> None:
    """Look for mistakes in the configuration, the connection and the columns: all at once, with file:line."""
    from warehouse_drift import api

    result = api.check(config, target=target or None)
    if show_resolved:
        for monitor, column, statistic, warn, alert, source in result.limits:
            typer.echo(f"{monitor}  {column}  {statistic}  warn {warn}  alert {alert}  ({source})")
    if result.problems:
        _fail("\n".join(result.problems))
    typer.echo(f"{len(result.monitors)} monitor(s), no mistakes: {', '.join(result.monitors)}")


@app.command()
def init(
    url: Annotated[str, typer.Option(help="SQLAlchemy URL, e.g. duckdb:///shop.duckdb; ${VAR} is kept as it stands.")],
    relation: Annotated[str, typer.Option(help="Table name, or a SELECT in parentheses.")],
    output: Annotated[str, typer.Option(help="The file to write.")] = "drift.yml",
    project: Annotated[str, typer.Option(help="Part of every result key; default: the folder's name.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace the file when it is there.")] = False,
) -> None:
    """Write a first configuration from a live connection, every guess explained. Reads aggregates only."""
    from warehouse_drift import api

    result = api.init(url, relation, output=output, project=project or None, force=force)
    typer.echo(f"{result.path}: monitor {result.monitor}, {result.columns} columns of {result.rows:,} rows.")
    for note in result.notes:
        typer.echo(note)
    typer.echo(f"Read the guesses in it, then: warehouse-drift check -c {result.path}")


@app.command()
def demo(
    path: Annotated[
        str, typer.Option(help="The DuckDB file to make (replaced when it is there).")
    ] = "flights_demo.duckdb",
    quiet: Annotated[bool, typer.Option(help="Print the story only.")] = False,
) -> None:
    """Watch the real 2013 flights out of New York: what drifted, when, and why it is believed."""
    from warehouse_drift.demo import run_demo

    run_demo(path, quiet=quiet)


@app.command()
def status(
    config: Config = "drift.yml",
    target: Target = "",
    fail_on: Annotated[str, typer.Option(help="warn, alert, no_decision or never")] = "alert",
    json: AsJson = False,
) -> None:
    """Show how every monitor stands, from published results. Scans nothing."""
    from warehouse_drift import api

    _check_fail_on(fail_on)
    result = api.status(config, target=target or None)
    if json:
        from warehouse_drift.reports.tables import as_json

        typer.echo(as_json({"rows": result.rows}))
    else:
        from warehouse_drift.reports.state import print_status

        print_status(result.rows, _console())
    undecided = ("none",) if result.undecided else ()
    if any(d in _LEVELS[fail_on] for d in (*result.decisions, *undecided)):
        raise typer.Exit(1)


@app.command()
def migrate(config: Config = "drift.yml", target: Target = "", json: AsJson = False) -> None:
    """Make the result tables and views, or bring them to this version."""
    from warehouse_drift import api
    from warehouse_drift.reports.tables import as_json

    done = api.migrate(config, target=target or None)
    if json:
        typer.echo(as_json({"schema": done.schema, "version": done.version, "applied": done.applied}))
        return
    what = f"applied {', '.join(done.applied)}" if done.applied else "nothing to apply"
    typer.echo(f"{done.schema}: {what}; version {done.version}, views made anew.")


@app.command()
def vacuum(
    config: Config = "drift.yml",
    target: Target = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    json: AsJson = False,
) -> None:
    """Delete what no view shows: rows of dead runs, replaced rows, rows past their retention."""
    from warehouse_drift import api

    done = api.vacuum(config, target=target or None, dry_run=dry_run)
    rows = api.vacuum_rows(done)
    if json:
        from warehouse_drift.reports.tables import as_json

        typer.echo(as_json({"dry_run": dry_run, "abandoned": [r[0] for r in done.abandoned], "rows": rows}))
    else:
        from warehouse_drift.reports.state import print_vacuum

        print_vacuum(rows, done.abandoned, dry_run, _console())


@app.command()
def grants(
    config: Config = "drift.yml",
    role: Annotated[str, typer.Option(help="Who runs the monitors; default: the user of the URL.")] = "",
    target: Target = "",
) -> None:
    """Print the rights that the role needs, for a DBA: reading the sources, writing the results. Connects to nothing."""
    from warehouse_drift import api

    found = api.grants(config, role=role, target=target or None)
    if found.note:
        typer.echo(f"-- {found.note}")
        return
    parts = [("reading the sources", found.source), ("writing the results", found.results)]
    if found.apart:
        parts[1] = ("one role reads, another writes the results, the login is neither until it becomes one", found.apart)
    for title, statements in parts:
        typer.echo(f"-- {title}\n" + "".join(f"{s};\n" for s in statements))
    if found.made_by_dba:
        typer.echo("-- instead of the last part, where a DBA made the tables (compile --ddl)")
        typer.echo("".join(f"-- {s};\n" for s in found.made_by_dba), nl=False)


def _check_fail_on(level: str) -> None:
    if level not in _LEVELS:
        from warehouse_drift.errors import UsageError

        raise UsageError(f"--fail-on is one of {', '.join(_LEVELS)}, not {level!r}.")


def _console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 100)


cli_run.register(app)
cli_alerts.register(app)
cli_dbt.register(app)
cli_shell.register(app)


def _list(text: str) -> list[str] | None:
    return [part.strip() for part in text.split(",") if part.strip()] or None


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"warehouse-drift: {message}\n")
    raise SystemExit(2)


def _named_config() -> str:
    """The configuration that the command line names, for the commands that an error proposes."""
    words = sys.argv[1:]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in ("-c", "--config"):
            return following or "drift.yml"
        if word.startswith("--config="):
            return word.removeprefix("--config=")
    return "drift.yml"


def main() -> None:
    """Runs the command; no traceback reaches a user unless WAREHOUSE_DRIFT_DEBUG is set."""
    gc.set_threshold(100_000)  # the many small objects of imports and statements live to the end: looking for garbage is waste
    try:
        app(prog_name="warehouse-drift")  # also under python -m: completion asks by this name
    except Exception as error:
        from warehouse_drift.errors import DriftError

        if os.environ.get("WAREHOUSE_DRIFT_DEBUG"):
            raise
        if isinstance(error, DriftError):
            from warehouse_drift.decisions.sentences import with_config

            _fail(with_config(str(error), _named_config()))
        if isinstance(error, OSError) and error.filename:
            _fail(f"{error.filename} cannot be read or written: {error.strerror}. Check the path, the rights to it and the space on the disk.")
        first = str(error).splitlines()[0] if str(error) else ""
        _fail(
            f"unexpected {type(error).__name__}: {first} Set WAREHOUSE_DRIFT_DEBUG=1 to see where, and please report it."
        )


if __name__ == "__main__":
    main()
