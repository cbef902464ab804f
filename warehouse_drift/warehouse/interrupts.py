"""Ctrl-C while the engine works on a statement.

Python answers a signal only when the main thread is back in Python, and it waits inside the driver: measured on DuckDB 2.0,
every second Ctrl-C went unheard until the statement had ended. So a thread of its own is woken by the signal, and asks the
driver to stop its statement; the main thread comes back and raises KeyboardInterrupt.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from warehouse_drift.warehouse.execute import Warehouse


@contextmanager
def interruptible(warehouse: Warehouse) -> Iterator[None]:
    """Inside, Ctrl-C stops a statement at once where the dialect names the driver's method for it (``interrupt``)."""
    main = threading.current_thread() is threading.main_thread()
    if not warehouse.dialect.interrupt or not main or os.name != "posix":
        yield
        return
    heard, woken = os.pipe()
    os.set_blocking(woken, False)
    former = signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    thread = threading.Thread(target=_watch, args=(heard, warehouse), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(former)
        os.close(woken)  # the thread reads the end of the pipe
        thread.join(5)
        os.close(heard)


def _watch(heard: int, warehouse: Warehouse) -> None:
    while number := os.read(heard, 1):
        if number[0] == signal.SIGINT:
            with suppress(Exception):  # between statements there is nothing to stop
                driver = warehouse.connection.connection.driver_connection
                getattr(getattr(driver, "c", driver), warehouse.dialect.interrupt)()
