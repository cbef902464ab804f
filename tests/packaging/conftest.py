"""The wheel, built once, and one clean environment elsewhere that holds nothing but it and what it asks for."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from warehouse_drift.resources import root


@dataclass(frozen=True, slots=True)
class Installed:
    """A virtual environment outside the checkout with the wheel and its ``demo`` extra."""

    folder: Path

    @property
    def scripts(self) -> Path:
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin")

    def call(self, program: str, *words: str, cwd: Path, timeout: int = 300) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment. No path of the checkout is in the variables that it sees."""
        hidden = ("PYTHON", "VIRTUAL_ENV", "WAREHOUSE_DRIFT", "COVERAGE", "PYTEST")
        env = {k: v for k, v in os.environ.items() if not k.startswith(hidden)} | {"COLUMNS": "120"}
        line = [str(self.scripts / program), *words]
        return subprocess.run(line, capture_output=True, text=True, check=False, cwd=cwd, env=env, timeout=timeout)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root())]
    done = subprocess.run(build, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    made = Installed(tmp_path_factory.mktemp("clean") / "venv")
    venv.create(made.folder, with_pip=True, symlinks=True)
    line = ("-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", f"{wheel}[demo]")
    done = made.call("python", *line, cwd=made.folder, timeout=600)
    assert done.returncode == 0, done.stderr
    return made
