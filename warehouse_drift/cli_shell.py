"""``completion``: what a shell needs to complete commands, options and the names of monitors."""

from __future__ import annotations

import os
from typing import Annotated

import typer

SHELLS = ("bash", "zsh", "fish")
_NAME, _VARIABLE = "warehouse-drift", "_WAREHOUSE_DRIFT_COMPLETE"


def monitor_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of monitors in the configuration that begin so; none when it cannot be read: completing must not fail."""
    import yaml

    try:
        with open(ctx.params.get("config") or "drift.yml", encoding="utf-8") as file:
            listed = yaml.safe_load(file)["monitors"]
        return [str(m["name"]) for m in listed if str(m["name"]).startswith(incomplete)]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        return []


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def completion(shell: Annotated[str, typer.Argument(help="bash, zsh or fish")]) -> None:
        """Print the script that completes commands, options and names of monitors in your shell."""
        from warehouse_drift.errors import UsageError

        if shell not in SHELLS:
            raise UsageError(f"There is no completion for {shell!r}.", hint=f"Shells: {', '.join(SHELLS)}.")
        os.environ[_VARIABLE] = f"source_{shell}"  # the protocol of the command-line library: it prints and exits
        typer.main.get_command(app).main(args=[], prog_name=_NAME)
