"""Shell completion: the printed script works in a real bash, and the other shells' protocol answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse_drift.cli import app
from warehouse_drift.errors import UsageError
from warehouse_drift.resources import root

ENV = os.environ | {"PYTHONPATH": str(root())}


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "warehouse_drift", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=ENV | env, timeout=60)


def test_bash_completes_commands_options_and_monitors(tmp_path: Path) -> None:
    script = run("completion", "bash").stdout
    function = re.search(r"complete .*-F (\w+) warehouse-drift", script)
    assert function
    (tmp_path / "warehouse-drift").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m warehouse_drift "$@"\n')
    (tmp_path / "warehouse-drift").chmod(0o755)
    (tmp_path / "my.yml").write_text("monitors:\n  - name: orders\n  - name: other\n")
    asked = ["warehouse-drift expl", "warehouse-drift status --fail", "warehouse-drift explain -c my.yml ord"]
    lines = [script]
    for line in asked:
        words = line.split()
        lines += [f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}", f"{function[1]} warehouse-drift", 'echo "${COMPREPLY[@]}"']
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60,
        env=ENV | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stdout.split("\n")[:3] == ["explain", "--fail-on", "orders"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_WAREHOUSE_DRIFT_COMPLETE", "")  # what the command sets ends with the test
    with pytest.raises(SystemExit) as ended:
        app(["completion", shell], prog_name="warehouse-drift")
    script = capsys.readouterr().out
    assert ended.value.code == 0 and f"_WAREHOUSE_DRIFT_COMPLETE=complete_{shell}" in script


def test_an_unknown_shell_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="Shells: bash, zsh, fish"):
        app(["completion", "tcsh"], standalone_mode=False)
