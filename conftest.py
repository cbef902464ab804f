"""Temporary files in memory, where the machine has room for them: the tests make some thousand small databases, and half of
their time would be waiting for a disk to confirm each commit. ``TMPDIR`` says otherwise. And the quick tests of a file
stay on one worker, so that what they share is made once; slow ones fill up both workers in the end. Tests that share more
than a file name their group themselves."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that must be free; a run of all tests keeps less than one GiB at a time."""


def pytest_configure() -> None:
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ["TMPDIR"] = str(MEMORY)  # of the programs that tests start, too
        tempfile.tempdir = None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("xdist_group") is None and item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.xdist_group("/".join(item.path.with_suffix("").parts[-2:])))
