"""Every error that a user can cause or meet, each with one clear sentence and what to do next.

The command line prints ``str(error)`` and exits with code 2. No other exception type may reach a user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class DriftError(Exception):
    """Base of all errors of this package.

    Args:
        message: one sentence: what is wrong, and where (file:line, monitor, column, dialect).
        hint: what to do next, one sentence; empty when the message already says it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(DriftError):
    """A command or an API call that makes no sense as given."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class ConfigError(DriftError):
    """All mistakes of a configuration at once, each with file:line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class WarehouseError(DriftError):
    """The warehouse could not be reached, or refused what it was asked."""


class LockedDatabase(WarehouseError):
    """An embedded database file is held by another process."""


class QueryError(WarehouseError):
    """A statement failed. ``sql`` holds its full text for the debug log; the message never does. ``transient``:
    ``repeat`` or ``lost`` (the connection) when it may pass by itself, as ``warehouse.retry`` tells."""

    def __init__(self, message: str, *, sql: str = "", hint: str = "", transient: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sql = sql
        self.transient = transient


class DialectError(DriftError):
    """A dialect cannot do what was asked, or a template left the house subset."""


class SchemaVersionError(DriftError):
    """The result tables have another version than this package."""
