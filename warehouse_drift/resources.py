"""The only finder of the two data folders, ``sql_templates`` and ``dialects``, and of dialects that other packages bring."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from warehouse_drift.errors import DriftError


@lru_cache(maxsize=1)
def root() -> Path:
    """The folder that holds ``sql_templates/`` and ``dialects/``: inside the wheel, or the checkout's top."""
    package = Path(__file__).resolve().parent
    for place in (package / "_resources", package.parent):
        if (place / "sql_templates").is_dir() and (place / "dialects").is_dir():
            return place
    raise DriftError(
        f"The folders sql_templates and dialects were found neither in {package / '_resources'} nor in {package.parent}.",
        hint="Install the package again.",
    )


def template_text(name: str, dialect: str | None = None) -> str | None:
    """Text of ``name`` (with ``.sql.j2``); a dialect's override comes first. None when there is none."""
    if dialect is not None:
        folder = _foreign_dialects().get(dialect) or root() / "dialects" / dialect
        own = folder / "overrides" / name
        if own.is_file():
            return own.read_text(encoding="utf-8")
    path = root() / "sql_templates" / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def template_names() -> tuple[str, ...]:
    base = root() / "sql_templates"
    return tuple(sorted(str(p.relative_to(base))[: -len(".sql.j2")] for p in base.rglob("*.sql.j2")))


def dialect_folders() -> dict[str, Path]:
    """Name -> folder. The package's own come first, so that another package cannot replace one of them."""
    base = root() / "dialects"
    own = {p.name: p for p in sorted(base.iterdir()) if (p / "dialect.toml").is_file() and not p.name.startswith("_")}
    return own | {n: p for n, p in _foreign_dialects().items() if n not in own}


@lru_cache(maxsize=1)
def _foreign_dialects() -> dict[str, Path]:
    """Entry points of the group ``warehouse_drift.dialects``: name = a Python package whose folder holds dialect.toml
    and overrides/. The package is found, not imported. Raises DriftError for one that holds no dialect.toml."""
    own = {p.name for p in (root() / "dialects").iterdir()}
    found: dict[str, Path] = {}
    for point in sorted(entry_points(group="warehouse_drift.dialects"), key=lambda p: p.name):
        if point.name in own:
            continue
        spec = find_spec(point.value)
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        if not places or not (Path(places[0]) / "dialect.toml").is_file():
            raise DriftError(
                f"The entry point {point.name!r} of warehouse_drift.dialects names {point.value!r}, which is no package with a dialect.toml.",
                hint="Uninstall the package that brings it, or mend it.",
            )
        found[point.name] = Path(places[0])
    return found
