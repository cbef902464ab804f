"""Temporary files in memory, where the machine has room for them: the tests make some thousand small databases, and half of
their time would be waiting for a disk to confirm each commit. ``TMPDIR`` says otherwise."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that must be free; a run of all tests keeps less than one GiB at a time."""


def pytest_configure() -> None:
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ["TMPDIR"] = str(MEMORY)  # of the programs that tests start, too
        tempfile.tempdir = None
