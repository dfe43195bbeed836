"""Hosts: a layer over an image, an address, a key, and then a boot."""

import contextlib
import json
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab import network, processes
from tests.lab.images import image
from tests.lab.machine import HOSTS, LabError, locked, remove, resolver, run, works


@dataclass(frozen=True)
class Host:
    """What is told about a host when it is made."""

    name: str
    ip: str
    release: str


def known() -> Iterator[Host]:
    """All hosts that have left anything on this machine."""
    for folder in sorted(HOSTS.glob("*")):
        try:
            yield Host(**json.loads((folder / "meta.json").read_text()))
        except (OSError, ValueError, TypeError):
            yield Host(folder.name, "?", "?")


def up(host: Host, *, user: str, key: Path | None) -> bool:
    """Make and boot a host; False when it runs already."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", host.name):
        raise LabError(f"{host.name} is not a name for a host: small letters, digits and hyphens")
    network.check_address(host.ip)
    if processes.runs(host.name):
        if host not in known():
            raise LabError(f"{host.name} runs, but otherwise than asked: `labhost down` it first")
        _authorize(HOSTS / host.name / "root", user, key)
        return False
    down(host.name)
    base = image(host.release)
    with locked("hosts"):
        for other in known():
            if other.ip == host.ip:
                raise LabError(f"{other.name} has the address {host.ip}")
        (HOSTS / host.name).mkdir(parents=True)
        (HOSTS / host.name / "meta.json").write_text(json.dumps(asdict(host)))
        network.connect()
    try:
        root = _layer(base, HOSTS / host.name)
        _settle(root, host)
        _authorize(root, user, key)
        processes.boot(host.name, root)
    except BaseException:
        down(host.name)
        raise
    return True


def _layer(base: Path, folder: Path) -> Path:
    for name in ("rw/upper", "rw/work", "root"):
        (folder / name).mkdir(parents=True)
    # volatile: no fsync reaches the disk, and umount does not wait for it either.
    layers = f"lowerdir={base},upperdir={folder}/rw/upper,workdir={folder}/rw/work,volatile"
    run("mount", "-t", "overlay", f"labhost-{folder.name}", "-o", layers, folder / "root")
    return folder / "root"


def _settle(root: Path, host: Host) -> None:
    etc = root / "etc"
    (etc / "hostname").write_text(f"{host.name}\n")
    (etc / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {host.name}\n")
    # "uninitialized" would call systemd-firstboot, which fails without a terminal.
    (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
    shutil.copyfile(resolver(), etc / "resolv.conf")
    (etc / "systemd/network/10-host0.network").write_text(network.configuration(host.ip))


def _authorize(root: Path, user: str, key: Path | None) -> None:
    """As on a cloud image: a key opens the account of somebody who may become root."""
    if key is None:
        return
    if not works("chroot", root, "id", user):
        run("chroot", root, "useradd", "--create-home", "--shell=/bin/bash", user, quiet=True)
        sudoers = root / "etc/sudoers.d/90-lab"
        sudoers.write_text(f"{user} ALL=(ALL) NOPASSWD:ALL\n")
        sudoers.chmod(0o440)
    folder = root / ("root" if user == "root" else f"home/{user}") / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(key, folder / "authorized_keys")
    run("chroot", root, "chown", "-R", f"{user}:", f"/{folder.relative_to(root)}", quiet=True)


def wait(host: Host, *, timeout: float) -> str:
    """Wait until sshd answers and the boot is over; what systemd says then."""
    end = time.monotonic() + timeout
    log = HOSTS / host.name / "console.log"
    while not _answers(host.ip):
        if time.monotonic() > end:
            raise LabError(f"{host.name}: sshd did not answer within {timeout:g} s; see {log}")
        if not processes.runs(host.name):
            raise LabError(f"{host.name} does not run; see {log}")
        time.sleep(0.1)
    while time.monotonic() < end:
        state = processes.execute(host.name, ["systemctl", "is-system-running"], capture=True)[1]
        if state.strip() in ("running", "degraded"):
            return state.strip()
        time.sleep(0.1)
    raise LabError(f"{host.name}: the boot did not end within {timeout:g} s; see {log}")


def _answers(ip: str) -> bool:
    with (
        contextlib.suppress(OSError),
        socket.create_connection((ip, 22), timeout=1) as connection,
    ):
        return connection.recv(4) == b"SSH-"
    return False


def kill(name: str) -> bool:
    """End a host without a word to it; False when it did not run. Its disk stays."""
    ran = processes.runs(name)
    processes.kill(name)
    network.unplug(name)
    return ran


def down(name: str) -> bool:
    """Remove a host with all that it left behind, crashed or not; False when there was nothing."""
    folder = HOSTS / name
    processes.kill(name)
    network.unplug(name)
    if not folder.exists():
        return False
    works("chattr", "-R", "-f", "-i", folder / "rw")
    with locked("hosts"):
        remove(folder)
        if not any(HOSTS.iterdir()):
            network.disconnect()
    return True
