"""The statements of a session as one: every scratch table becomes a part of a WITH, so that a dbt model can hold them."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from warehouse_drift.pipeline.session import Session
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse


class Collected(Session):
    """Sends nothing. ``scratch`` keeps the SELECT and gives its name, ``rows`` keeps it as a last part."""

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__(warehouse)
        self.parts: list[tuple[str, str]] = []
        self.results: list[Markup] = []

    def scratch(self, step: str, template: str, **params: Any) -> Markup:
        name = f"wd_{len(self.parts)}_{step}"
        self.parts.append((name, render(template, params, self.dialect).sql))
        return identifier(name)

    def rows(self, template: str, **params: Any) -> list[dict[str, Any]]:
        self.results.append(self.scratch(template.rsplit("/", 1)[-1], template, **params))
        return []

    def statement(self, template: str, **params: Any) -> str:
        """All parts, and the template as what is selected from them."""
        last = render(template, params, self.dialect).sql
        parts = ",\n".join(f"{self._name(name)} AS (\n{sql}\n)" for name, sql in self.parts)
        return f"WITH {parts}\n{last}" if not last.startswith("WITH ") else f"WITH {parts},\n{last[5:]}"

    def _name(self, name: str) -> str:
        from warehouse_drift.sql.ddl import own_name

        return own_name(self.dialect, name)
