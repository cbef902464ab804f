"""Drift monitoring that runs inside the data warehouse.

``compare`` needs no configuration; everything else starts from a ``drift.yml``. Names are loaded when first used.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
_HOME = {
    "CompareResult": "api",
    "compare": "api",
    "CheckResult": "verbs_check",
    "check": "verbs_check",
    "InitResult": "verbs_init",
    "init": "verbs_init",
    "RunResult": "verbs_run",
    "plan": "verbs_run",
    "run": "verbs_run",
    "backfill": "verbs_run",
    "refresh_baseline": "verbs_run",
    "explain": "verbs_read",
    "report": "verbs_read",
    "MigrateResult": "verbs_state",
    "StatusResult": "verbs_state",
    "ddl": "verbs_state",
    "grants": "verbs_state",
    "migrate": "verbs_state",
    "status": "verbs_state",
    "vacuum": "verbs_state",
}
__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"warehouse_drift.{_HOME[name]}"), name)
    raise AttributeError(f"module 'warehouse_drift' has no attribute {name!r}")
