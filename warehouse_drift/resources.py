"""The only finder of the two data folders, ``sql_templates`` and ``dialects``."""

from __future__ import annotations

from functools import lru_cache
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
        own = root() / "dialects" / dialect / "overrides" / name
        if own.is_file():
            return own.read_text(encoding="utf-8")
    path = root() / "sql_templates" / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def template_names() -> tuple[str, ...]:
    base = root() / "sql_templates"
    return tuple(sorted(str(p.relative_to(base))[: -len(".sql.j2")] for p in base.rglob("*.sql.j2")))


def dialect_folders() -> dict[str, Path]:
    base = root() / "dialects"
    return {p.name: p for p in sorted(base.iterdir()) if (p / "dialect.toml").is_file() and not p.name.startswith("_")}
