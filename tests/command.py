"""The command line in this process: a new one costs a second of imports and tests nothing more, except where signals,
locks, start-up or the environment are the point."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

from warehouse_drift.cli import main

Done = subprocess.CompletedProcess[str]


def command(folder: Path, *args: str) -> Done:
    """What ``main`` prints when it is started in ``folder``, and its exit code."""
    out, err, code, here = io.StringIO(), io.StringIO(), 0, Path.cwd()
    argv, sys.argv = sys.argv, ["warehouse-drift", *args]
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os.chdir(here)
        sys.argv = argv
    return Done(list(args), code, out.getvalue(), err.getvalue())
