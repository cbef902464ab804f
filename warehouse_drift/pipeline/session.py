"""One unit of work in a warehouse: renders templates, keeps scratch tables, drops them at the end."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Any

from markupsafe import Markup

from warehouse_drift.sql.ddl import create_scratch, drop_scratch
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import canonical_text, render
from warehouse_drift.warehouse.execute import Warehouse


class Session:
    """Scratch tables are temporary, named ``wd_<random>_<step>`` and dropped on exit, also after an error."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.dialect = warehouse.dialect
        self._prefix = f"wd_{secrets.token_hex(4)}"
        self._scratch: list[str] = []

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in reversed(self._scratch):
            try:
                self.warehouse.local(drop_scratch(name, self.dialect), name="drop scratch")
            except Exception:  # the connection may be gone; the tables are temporary and go with it
                if error is None:
                    raise
            finally:
                self.warehouse.held -= 1
        self._scratch.clear()

    def rows(self, template: str, **params: Any) -> list[dict[str, Any]]:
        """The result of a template, to Python: only for aggregates."""
        return self.warehouse.fetch(render(template, params, self.dialect).sql, name=template)

    def part(self, template: str, **params: Any) -> Markup:
        """A template in parentheses, to stand in another one as a relation that is read once."""
        return Markup("({})").format(Markup(canonical_text(template, params, self.dialect)))

    def scratch(self, step: str, template: str, **params: Any) -> Markup:
        """Runs a template into a scratch table and gives the table's quoted name."""
        name = f"{self._prefix}_{len(self._scratch)}_{step}"
        sql = render(template, params, self.dialect).sql
        self.warehouse.keep(create_scratch(name, sql, self.dialect), drop_scratch(name, self.dialect), name=template)
        self._scratch.append(name)
        return identifier(name)
