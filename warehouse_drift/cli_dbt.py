"""Commands for dbt projects: dbt init, dbt generate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from warehouse_drift.cli_run import Config, Target

if TYPE_CHECKING:
    from warehouse_drift.dbt.project import Written

dbt = typer.Typer(help="Put the results, or the SQL, into a dbt project.", no_args_is_help=True)
ProjectDir = Annotated[str, typer.Option("--project-dir", help="Folder of dbt_project.yml.")]
Force = Annotated[bool, typer.Option("--force", help="Also replace files that were changed by hand.")]


@dbt.command()
def init(
    project_dir: ProjectDir = ".",
    config: Annotated[str, typer.Option("--config", "-c", help="The configuration; default: drift.yml of the project, if it is there.")] = "",
    schema: Annotated[str, typer.Option(help="Schema of the results; default: the configuration's, else drift.")] = "",
    force: Force = False,
) -> None:
    """Add the result views as a source with tests, freshness and an exposure to a dbt project. Connects to nothing."""
    from warehouse_drift.dbt.init import dbt_init

    done = dbt_init(project_dir, config=config or None, schema=schema or None, force=force)
    show(done.files)
    typer.echo(f"The daily job (retry the first two commands, never the third: an alert stays until the data changes):\n  {done.job}")


@dbt.command()
def generate(
    monitor: Annotated[str, typer.Option("--monitor", "-m", help="The monitor.")],
    config: Config = "drift.yml",
    project_dir: ProjectDir = ".",
    relation: Annotated[
        str | None, typer.Option(help="How dbt knows the watched relation: ref('orders'), or source('shop', 'orders').")
    ] = None,
    since: Annotated[str | None, typer.Option(help="First date of the calendar. Default: the first window that run decided.")] = None,
    until: Annotated[str | None, typer.Option(help="Last date of the calendar. Default: two years from now.")] = None,
    folder: Annotated[str | None, typer.Option(help="Folder below models/, seeds/ and tests/. Default: drift/<monitor>.")] = None,
    target: Target = None,
    force: Force = False,
) -> None:
    """Write a monitor as dbt models: a dbt job alone then computes its statistics and compares them with fixed limits."""
    from warehouse_drift import verbs_dbt_generate

    done = verbs_dbt_generate.generate(
        config, monitor, project_dir, target=target, relation=relation, since=since, until=until, folder=folder, force=force
    )  # fmt: skip
    show(done.files)
    typer.echo(f"The job:\n  {done.job}")


def show(files: tuple[Written, ...]) -> None:
    """One line a file."""
    for f in files:
        hint = " (changed by hand; --force replaces it)" if f.state == "kept" else ""
        typer.echo(f"{f.state:9}  {f.path}{hint}")


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.add_typer(dbt, name="dbt")
