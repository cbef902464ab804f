"""What all models of the configuration share: the base class and the types of single values."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from warehouse_drift.config.values import (
    column_pattern,
    duration,
    number_or_share,
    one_or_many,
    size,
    text_of,
    time_zone_name,
)

Duration = Annotated[timedelta, BeforeValidator(duration)]
Size = Annotated[int, BeforeValidator(size), Field(gt=0, strict=True)]
Share = Annotated[float, BeforeValidator(number_or_share), Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(text_of), Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(one_or_many)]
Pattern = Annotated[Text, BeforeValidator(column_pattern)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(one_or_many)]
Zone = Annotated[str, BeforeValidator(time_zone_name)]


class Base(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False, populate_by_name=False)
    later: ClassVar[frozenset[str]] = frozenset()
    short: ClassVar[tuple[dict[str, Any], ...]] = ()
    """JSON schemas of the short forms."""

    @classmethod
    def written_keys(cls) -> tuple[str, ...]:
        """The keys that a user can write."""
        names = (info.alias or name for name, info in cls.model_fields.items())
        return tuple(n for n in names if not n.startswith("("))
