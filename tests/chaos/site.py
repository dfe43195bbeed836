"""The processes of a site, each killed and started again by the test instead of a supervisor."""

import contextlib
import os
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests import servers

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "web": ("web",),
    "dispatcher": ("dispatcher",),
    "worker 1": ("worker", "default", "transcode"),
    "worker 2": ("worker", "default", "transcode"),
}
STOP_SECONDS = 60


def free_port() -> int:
    """A port that nobody listens on now."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass
class FragileSite:
    """A site whose processes may be killed at any moment."""

    environment: dict[str, str]
    redis: servers.Server
    log: Path
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def start_all(self) -> None:
        """Start every process."""
        for name in PROGRAMS:
            self._start(name)

    def _start(self, name: str) -> None:
        guard = ("setpriv", "--pdeathsig", "KILL", "--")
        with self.log.open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*guard, sys.executable, "-m", "app", *PROGRAMS[name]],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """kill -9, and start it again at once."""
        self.kills[name] += 1
        if name == "redis":  # with all it knows: it keeps nothing
            self.redis.stop()
            self.redis.folder.mkdir()
            self.redis = servers.start_redis(watched=os.getpid(), folder=self.redis.folder)
            return
        self.processes[name].kill()
        self.processes[name].wait()
        self._start(name)

    def revive(self) -> None:
        """Start what ended by itself."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                self._start(name)

    def stop(self) -> None:
        """End everything in order; what does not end is an error."""
        for process in self.processes.values():
            process.terminate()
        self.redis.stop()
        hung = [name for name, process in self.processes.items() if not _ended(process)]
        assert not hung


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True
