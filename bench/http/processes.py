"""The processes under measurement: one web process, and what PostgreSQL spends for it."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60


def cpu_seconds(*pids: int) -> float:
    """User and system time of the processes, and of children of theirs that have ended."""
    return sum(sum(_times(pid)) for pid in pids) / TICKS


def _times(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return [int(field) for field in fields[11:15]]
    return []


def family_of(pid: int) -> list[int]:
    """A process and its children (PostgreSQL's backends)."""
    found = [pid]
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid:
                found.append(int(folder.name))
    return found


def postmaster(folder: Path) -> int:
    """PostgreSQL's first process, by the file it leaves in its data folder."""
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


@contextlib.contextmanager
def web_process(database_url: str, redis_url: str, folder: Path) -> Iterator[tuple[int, int]]:
    """One web process of the site; gives its pid and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if "KINORA_" not in name}
    settings = {
        "KINORA_DATABASE__URL": database_url,
        "KINORA_REDIS__URL": redis_url,
        "KINORA_STORAGE__ROOT": str(folder / "storage"),
        "KINORA_STORAGE__WORK": str(folder / "work"),
        "KINORA_WEB__PORT": str(port),
        "KINORA_SITE__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "KINORA_LOG__LEVEL": "ERROR",
    }
    process = subprocess.Popen([sys.executable, "-m", "app", "web"], env=inherited | settings)
    try:
        _wait_for(process, port)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/ping", timeout=5)
            return
        time.sleep(0.1)
    raise RuntimeError("the web process did not start")


def processor() -> str:
    """The machine's processor, for the head of the table."""
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} × {found[1] if found else 'unknown'}"
