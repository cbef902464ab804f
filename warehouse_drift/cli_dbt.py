"""Commands for dbt projects: dbt init, dbt generate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

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
    monitor: Annotated[str, typer.Option("--monitor", "-m", help="The monitor; its relation is a ref() or source().")],
    config: Annotated[str, typer.Option("--config", "-c", help="The configuration.")] = "drift.yml",
    project_dir: ProjectDir = ".",
    until: Annotated[str, typer.Option(help="First date that the models no longer know; default: a year from now.")] = "",
    target: Annotated[str, typer.Option(help="Target of the dbt profile.")] = "",
    force: Force = False,
) -> None:
    """Write a monitor's profile and metrics as dbt models, for jobs without Python. Reads its published baseline."""
    from warehouse_drift.dbt.generate import dbt_generate

    done = dbt_generate(
        config, monitor, project_dir=project_dir, until=until or None, target=target or None, force=force
    )
    show(done.files)
    typer.echo(f"The models know the calendar until {done.until:%Y-%m-%d %H:%M} UTC; generate them again before.")


def show(files: tuple[Written, ...]) -> None:
    """One line a file."""
    for f in files:
        hint = " (changed by hand; --force replaces it)" if f.state == "kept" else ""
        typer.echo(f"{f.state:9}  {f.path}{hint}")


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.add_typer(dbt, name="dbt")
