"""Emulators: programs of their own, each in a virtual environment of its own (their pins exclude each other and the
project's), kept in ``.venvs/`` of the checkout and reached over the network with the vendor's real driver.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from integration.engines import Unavailable

HOME = Path(__file__).parents[2] / ".venvs"
INSTALL_SECONDS = 600
START_SECONDS = 90


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time makes an environment."""
    HOME.mkdir(exist_ok=True)
    with (HOME / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def environment(name: str, packages: Sequence[str]) -> Path:
    """The environment's folder, made on first use and again when the packages change. Raises Unavailable."""
    folder, wanted = HOME / name, "\n".join(packages)
    ready = folder / ".ready"
    with _alone(folder):
        if ready.exists() and ready.read_text() == wanted:
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        try:
            done = subprocess.run([*pip, *packages], capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"{name} could not be installed within {INSTALL_SECONDS} s") from error
        if done.returncode != 0:
            raise Unavailable(f"{name} could not be installed: {done.stderr.strip()[-300:]}")
        ready.write_text(wanted)
    return folder


class Process:
    """A program that listens on a port; ``stop`` ends it and what it started."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        extra: Mapping[str, str] | None = None,
        files: Mapping[str, Path] | None = None,
    ) -> None:
        """``extra``: environment variables; ``files``: what its home folder must hold, by path in it."""
        self._folder = Path(tempfile.mkdtemp(prefix="wd_emulator_"))
        for place, source in (files or {}).items():
            (self._folder / place).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / place).symlink_to(source)
        home = {"HOME": str(self._folder), "PATH": "/usr/bin:/bin", "TZ": "UTC", "PYTHONUNBUFFERED": "1"}
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            list(command),
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=home | dict(extra or {}),
            start_new_session=True,
        )
        self._wait(port)

    def _wait(self, port: int) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.2)
        words = (self._folder / "log").read_text(errors="replace")[-400:]
        self.stop()
        raise Unavailable(f"the emulator did not start: {words.strip()}")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
