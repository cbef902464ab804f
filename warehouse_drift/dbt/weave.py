"""The steps of a stage as one SELECT: what would be scratch tables becomes common table expressions of a dbt model.

The stages of ``pipeline`` run unchanged on a ``Woven`` session; nothing is sent. dbt's own names stand in the SQL as
quoted identifiers until it is translated, and become Jinja afterwards; whatever looks like Jinja before that is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from warehouse_drift.pipeline.session import Session
from warehouse_drift.sql.ddl import own_name
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.record import Recorder

MARK = "wd_dbt_"
"""How stand-ins for dbt's names begin."""
INVOCATION = f"{MARK}invocation"
"""Stands for the id of dbt's run, as a text."""
_JINJA = re.compile(r"\{(?=[{%#])")


@dataclass(frozen=True, slots=True)
class Step:
    """``again``: the SELECT of an incremental run, where that differs."""

    name: str
    sql: str
    again: str | None = None


class Woven(Session):
    """A session that collects its steps. ``rows`` gives nothing: a statistic's SELECT is a step like any other."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(Recorder(dialect, {}, datetime(2000, 1, 1)))
        self.steps: list[Step] = []
        self.results: dict[str, Markup] = {}
        """template -> its step, for what a stage wanted to read"""

    def scratch(self, step: str, template: str, **params: Any) -> Markup:
        return self._add(f"wd_{len(self.steps)}_{step}", render(template, params, self.dialect).sql)

    def rows(self, template: str, **params: Any) -> list[dict[str, Any]]:
        self.results[template] = self.scratch(template.rpartition("/")[2], template, **params)
        return []

    def named(self, name: str, template: str, **params: Any) -> None:
        """A step under a plain name that other templates read, as ``wd_v_cells``."""
        self.steps.append(Step(name, render(template, params, self.dialect).sql))

    def incremental(self, step: str, template: str, this: Markup, **params: Any) -> Markup:
        """A step that looks at the model's own rows, if it has any."""
        first = render(template, {**params, "this": None}, self.dialect).sql
        again = render(template, {**params, "this": this}, self.dialect).sql
        return self._add(f"wd_{len(self.steps)}_{step}", first, again)

    def _add(self, name: str, sql: str, again: str | None = None) -> Markup:
        self.steps.append(Step(own_name(self.dialect, name), sql, again))
        return identifier(name)


def stand_in(name: str) -> Markup:
    """The identifier that stands for one of dbt's relations until the SQL is translated."""
    return identifier(MARK + name)


def escaped(text: str) -> str:
    """``text`` as Jinja that prints it."""
    return _JINJA.sub("{{ '{' }}", text)


def jinja(sql: str, names: Mapping[str, str], dialect: Dialect) -> str:
    """Translated SQL as a dbt model: stand-ins become ``{{ ... }}``, everything else is printed as it is.

    Args:
        names: name of a stand-in -> Jinja expression, as ``ref('x')``.
    """
    known = {own_name(dialect, MARK + name): f"{{{{ {code} }}}}" for name, code in names.items()}
    known[INVOCATION] = "{{ invocation_id }}"
    parts = re.split("(" + "|".join(re.escape(k) for k in known) + ")", sql)
    return "".join(known.get(p) or escaped(p) for p in parts)


def model(session: Woven, last: str, names: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """All steps and the last SELECT as the text of a model. ``settings``: of the dialect, ``cte`` says how a step is
    written that must be computed once."""
    dialect = session.dialect

    def own(sql: str) -> str:
        return jinja(sql, names, dialect)

    steps = []
    for step in session.steps:
        body = own(step.sql)
        if step.again is not None:
            body = f"{{% if is_incremental() %}}\n{own(step.again)}\n{{% else %}}\n{body}\n{{% endif %}}"
        steps.append(f"{own(step.name)} {settings.get('cte', 'AS')} (\n{body}\n)")
    return f"WITH {', '.join(steps)}\nSELECT * FROM (\n{own(last)}\n) AS wd_last\n"
