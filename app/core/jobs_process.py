"""The name of a worker process, from which another process of its machine can tell that it has
died.

A killed worker's jobs wait for their leases to run out; but a worker that is started in its place
need not wait for what it can see for itself.
"""

import os
import socket
from functools import cache
from pathlib import Path

from app.core.db import execute, fetch
from app.core.jobs_attempt import take_back

_NAMES = """
    SELECT worker AS name FROM job WHERE state = 'running' AND starts_with(worker, $1)
    UNION SELECT split_part(id, '/', 1) FROM worker WHERE starts_with(id, $1)
"""
_SIGN_OFF = "DELETE FROM worker WHERE starts_with(id, $1 || '/')"


@cache
def _machine() -> str:
    """This host, its boot, and the name space that its process numbers are in."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    return f"{socket.gethostname()[:60]}:{boot}:{space}:"


def _started(pid: int) -> str | None:
    """When a process started, in clock ticks after the boot; None for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def process_name() -> str:
    """The name of this process: no other one ever has it."""
    return f"{_machine()}{os.getpid()}:{_started(os.getpid())}"


def has_died(name: str) -> bool:
    """Whether that process of this machine is known to have ended."""
    if not name.startswith(_machine()):
        return False
    pid, _, started = name.removeprefix(_machine()).partition(":")
    return _started(int(pid)) != started


async def take_back_of_the_dead() -> int:
    """Queue again what workers were running on this machine that have died; gives how many jobs."""
    taken = 0
    for row in await fetch(_NAMES, _machine()):
        if has_died(row["name"]):
            await execute(_SIGN_OFF, row["name"])
            taken += await take_back(row["name"])
    return taken
