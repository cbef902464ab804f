"""The page about warehouses is what the folders say, and the template folder is a whole dialect."""

from __future__ import annotations

from integration.engines import ENGINES
from integration.matrix import PAGE, text
from warehouse_drift.resources import dialect_folders, root
from warehouse_drift.sql.dialect import load_dialect

SUPPORT = ("full", "versioned", "not_implemented", "unsupported")


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "run: python -m integration.matrix"


def test_every_limit_has_a_reason() -> None:
    known = {c for name in dialect_folders() for c in load_dialect(name).capabilities}
    for name in dialect_folders():
        assert set(load_dialect(name).capabilities) == known, name
        for capability, given in load_dialect(name).capabilities.items():
            assert given.support in SUPPORT, (name, capability)
            assert given.support == "full" or given.reason, (name, capability)
    for name, engine in ENGINES.items():
        for kind in ("notimpl", "notyet", "never"):
            assert all(engine.get(kind, {}).values()), (name, kind)


def test_the_template_has_every_key_that_a_dialect_needs() -> None:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    raw = tomllib.loads((root() / "dialects" / "_template" / "dialect.toml").read_text(encoding="utf-8"))
    real = load_dialect("postgres")
    assert set(raw["types"]) == set(real.types)
    own = {"session", "timeout", "tag", "role", "read_only", "drop_view", "grant", "grant_option"}  # settings, which the template shows as comments or leaves out
    assert set(raw["statements"]) - own == set(real.statements) - own
