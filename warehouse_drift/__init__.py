"""Drift monitoring that runs inside the data warehouse.

``compare`` needs no configuration; everything else starts from a ``drift.yml``. Names are loaded when first used.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = [
    "CompareResult", "MigrateResult", "StatusResult", "__version__", "check", "compare", "ddl", "grants", "migrate", "status", "vacuum",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in __all__:
        from warehouse_drift import api

        return getattr(api, name)
    raise AttributeError(f"module 'warehouse_drift' has no attribute {name!r}")
