"""What the laboratory asks of the machine that it runs on, and where it keeps its things."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

#: Images, running hosts and downloaded packages. Everything in it can be made again.
STATE = Path(os.environ.get("LABHOST_STATE", "/var/tmp/labhost"))
HOSTS = STATE / "hosts"
IMAGES = STATE / "images"
DOWNLOADS = STATE / "downloads"

#: Programs that the laboratory runs, and the Debian package of each.
PROGRAMS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "ssh-keygen": "openssh-client",
}


class LabError(Exception):
    """Something that the person at the keyboard can mend; says how."""


def run(*command: str | Path, quiet: bool = False) -> None:
    """Run a program. Raises LabError with what it said when it fails and was to be quiet."""
    done = subprocess.run(command, check=False, text=True, capture_output=quiet)
    if done.returncode:
        words = " ".join(map(str, command))
        said = f": {done.stderr.strip() or done.stdout.strip()}" if quiet else ""
        raise LabError(f"`{words}` failed with status {done.returncode}{said}")


def works(*command: str | Path) -> bool:
    """Whether a program succeeds; what it says is dropped."""
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def missing_packages() -> list[str]:
    """Debian packages that must be installed before a host can be made."""
    return sorted({package for name, package in PROGRAMS.items() if not shutil.which(name)})


def demand_all() -> None:
    """Raise LabError when this machine, or this user, cannot run the laboratory."""
    if os.geteuid():
        raise LabError("the laboratory mounts, boots and routes: run it as root")
    if missing := missing_packages():
        raise LabError(f"please install: apt install {' '.join(missing)}")
    if not works("unshare", "--mount", "--net", "--pid", "--fork", "true"):
        raise LabError(
            "root has no right to make namespaces here, as in a container without rights"
        )


def mirror() -> str:
    """The Debian mirror that this machine itself uses."""
    if named := os.environ.get("LABHOST_MIRROR"):
        return named.rstrip("/")
    folder = Path("/etc/apt")
    for source in [*sorted(folder.glob("sources.list.d/*.sources")), folder / "sources.list"]:
        for line in source.read_text().splitlines() if source.exists() else []:
            words = line.split()
            if words[:1] not in (["URIs:"], ["deb"]):
                continue
            for word in words[1:]:
                if word.rstrip("/").endswith("/debian"):
                    return word.rstrip("/")
    return "http://deb.debian.org/debian"


def resolver() -> Path:
    """The resolv.conf that also works elsewhere: not the stub on this machine's loopback."""
    for name in ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"):
        if Path(name).exists():
            return Path(name)
    raise LabError("this machine has no /etc/resolv.conf")


def own_authorities() -> list[Path]:
    """Certificates that somebody told this machine to trust, as companies' proxies ask for."""
    return sorted(Path("/usr/local/share/ca-certificates").glob("*.crt"))


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time; the next one waits."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove(folder: Path) -> None:
    """Remove a folder with what is mounted in it, and nothing beyond: debootstrap mounts /proc."""
    for point in sorted(_mounts_below(folder), reverse=True):
        for _ in range(50):  # a process that was just killed may hold it for a moment
            if works("umount", point):
                break
            time.sleep(0.1)
        else:
            works("umount", "--lazy", point)
    if left := _mounts_below(folder):
        raise LabError(f"still mounted: {' '.join(left)}")
    if folder.exists():
        run("rm", "-rf", "--one-file-system", "--", folder, quiet=True)


def _mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [point for line in lines if (point := line.split()[4]).startswith(f"{folder}/")]
