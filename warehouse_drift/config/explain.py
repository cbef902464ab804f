"""pydantic's errors as sentences for the person who wrote the file."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from warehouse_drift.config.base import Base
from warehouse_drift.config.values import with_nearest

SECRET = ("url", "password", "token", "apprise", "webhook", "headers", "command")
_TYPES = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}


def sentence(error: Mapping[str, Any], root: type[Base], raw: str | None) -> str:
    """One clear sentence. ``raw`` is the scalar as written: shown instead of a value that came from a variable."""
    loc = tuple(error["loc"])
    names = [str(p) for p in loc if not str(p).startswith(("(", "["))]
    key = ".".join(n for n in names[-2:] if not n.isdigit())
    kind = str(error["type"])
    ctx = error.get("ctx") or {}
    prefix = f"{key}: " if key else ""
    if kind == "extra_forbidden":
        model = model_at(root, loc[:-1])
        name = str(loc[-1])
        if model and name in model.later:
            return f"the key {name!r} is not in this version yet; take it out"
        return with_nearest(f"there is no key {name!r} here", name, model.written_keys() if model else ())
    if kind == "missing":
        return f"the key {str(loc[-1])!r} is missing"
    if kind == "value_error":
        return f"{prefix}{ctx['error']}"
    shown = "" if any(n in SECRET for n in names) else _shown(error.get("input"), raw)
    if kind in ("literal_error", "enum"):
        known = _choices(root, loc, str(ctx.get("expected", "")))
        given = f"{shown} is" if shown else "this is"
        said = f"{prefix}{given} not one of {', '.join(known)}"
        return said + _did_you_mean(error.get("input"), known)
    for part, name in _TYPES.items():
        if kind in (f"{part}_type", f"{part}_parsing", f"{part}_from_float") or kind == f"{part}_attributes_type":
            return f"{prefix}{shown + ' is not' if shown else 'this must be'} {name}"
    return f"{prefix}{shown + ': ' if shown else ''}{str(error['msg'])[:1].lower()}{str(error['msg'])[1:]}"


def _did_you_mean(value: Any, known: list[str]) -> str:
    said = with_nearest("", value, known)
    return said if "did you mean" in said else ""


def _choices(root: type[Base], loc: tuple[Any, ...], expected: str) -> list[str]:
    return [w.strip(" '") for w in expected.replace(" or ", ", ").split(",") if w.strip(" '")]


def _shown(value: Any, raw: str | None) -> str:
    if raw is not None and "${" in raw:
        return repr(raw)
    if isinstance(value, (str, int, float, bool)):
        text = str(value).lower() if isinstance(value, bool) else repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    return ""


def model_at(model: type[Base], loc: tuple[str | int, ...]) -> type[Base] | None:
    """The model that describes the place ``loc``."""
    here: Any = model
    for part in loc:
        found = _inside(here)
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = next((f for n, f in found.model_fields.items() if (f.alias or n) == part), None)
            if field is None:
                return None
            here = field.annotation
        elif found is not None:
            here = typing.get_args(found)[-1] if typing.get_origin(found) is dict else typing.get_args(found)[0]
    found = _inside(here)
    return found if isinstance(found, type) and issubclass(found, Base) else None


def _inside(annotation: Any) -> Any:
    """The model, or the tuple or dict, within Annotated and Optional."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _inside(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return next((f for f in map(_inside, typing.get_args(annotation)) if f is not None), None)
    if origin in (tuple, dict) or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return annotation
    return None
