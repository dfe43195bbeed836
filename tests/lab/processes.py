"""A host's processes: systemd-nspawn with the host's own systemd, in control groups of its own."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.lab.machine import HOSTS, LabError
from tests.lab.network import BRIDGE

# nspawn leaves with 133 when the host reboots, and expects to be started again.
_SUPERVISOR = """
for group in $LAB_GROUPS; do echo 0 >"$group/cgroup.procs"; done
while :; do "$@"; [ $? -eq 133 ] || exit; done
"""


def groups_of(name: str) -> list[Path]:
    """A private control group in every hierarchy that systemd manages.

    Without it, hosts started from one shell share a group, and one kills the other's processes.
    """
    roots = map(Path, ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"))
    return [root / "labhost" / name for root in roots if (root / "cgroup.procs").exists()]


def boot(name: str, root: Path) -> None:
    """Start a host; returns at once."""
    groups = groups_of(name)
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
    # The machine may still have the first version of control groups; current systemd wants its own.
    environment["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "1"
    environment["LAB_GROUPS"] = " ".join(map(str, groups))
    nspawn = [
        "systemd-nspawn", "--quiet", "--boot", f"--directory={root}", f"--machine={name}",
        f"--network-bridge={BRIDGE}", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
        "--console=pipe", "--kill-signal=SIGRTMIN+3",
        "--register=no", "--keep-unit",  # there may be no systemd outside
        # For IPAddressDeny= of units, and for locked memory.
        "--capability=CAP_BPF,CAP_PERFMON,CAP_IPC_LOCK", "--system-call-filter=bpf",
    ]  # fmt: skip
    with (HOSTS / name / "console.log").open("w") as log:
        supervisor = subprocess.Popen(
            ["/bin/sh", "-c", _SUPERVISOR, "labhost", *nspawn],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            start_new_session=True,
        )  # fmt: skip
    (HOSTS / name / "pid").write_text(str(supervisor.pid))


def runs(name: str) -> bool:
    """Whether the host's supervisor is there; its process id may be somebody else's by now."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((HOSTS / name / "pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return b"systemd-nspawn" in command and f"--machine={name}".encode() in command
    return False


def first_process(name: str) -> int:
    """The process outside that is the host's own process 1. Raises LabError when there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        supervisor = int((HOSTS / name / "pid").read_text())
        return _children(_children(supervisor)[0])[0]
    raise LabError(f"{name} does not run")


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def kill(name: str) -> None:
    """End every process of a host at once, also those that lost their supervisor in a crash."""
    if runs(name):  # the supervisor first, or it would start the host again
        os.kill(int((HOSTS / name / "pid").read_text()), signal.SIGKILL)
    end = time.monotonic() + 10
    while pids := _members(name):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise LabError(f"{name}: processes {sorted(pids)} cannot be ended")
        time.sleep(0.05)
    for group in groups_of(name):
        _remove_group(group)


def _members(name: str) -> set[int]:
    found: set[int] = set()
    for group in groups_of(name):
        for members in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):  # a group that went away meanwhile
                found.update(map(int, members.read_text().split()))
    return found - {0}  # 0 is a process that this namespace cannot see


def _remove_group(group: Path) -> None:
    folders = [group, *(path for path in group.rglob("*") if path.is_dir())]
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        with contextlib.suppress(OSError):
            folder.rmdir()


def execute(name: str, command: list[str], *, capture: bool = False) -> tuple[int, str]:
    """Run a command inside as root; its status and, if captured, what it said.

    It has more rights than the host's own root: privileges are tested through SSH.
    """
    done = subprocess.run(
        ["nsenter", f"--target={first_process(name)}", "--mount", "--uts", "--ipc", "--net",
         "--pid", "--cgroup", "--wdns=/", "env", "-i", "HOME=/root", "LANG=C.UTF-8",
         "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *command],
        check=False, text=True, capture_output=capture,
    )  # fmt: skip
    return done.returncode, done.stdout or ""
