"""Images: one Debian tree a release, the lower layer of all hosts.

An image holds what a cloud image holds. What the roles install is downloaded into it, not
installed: installations in a test stay real, and only the network is left out.
"""

import hashlib
import re
import shutil
import subprocess
import time
from pathlib import Path

from tests.lab.machine import (
    DOWNLOADS,
    IMAGES,
    LabError,
    locked,
    mirror,
    own_authorities,
    remove,
    resolver,
    run,
    works,
)

RELEASES = ("bookworm", "trixie")
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "libpam-systemd",
    "udev",
    "kmod",
    "procps",
    "iproute2",
    "iputils-ping",
    "netbase",
    "openssh-server",
    "sudo",
    "ca-certificates",
    "tzdata",
    "python3",
    "python3-apt",
)
#: Units that only make sense on metal, and timers that would race a play for dpkg's lock.
MASKED = (
    "systemd-networkd-wait-online.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "systemd-udevd.service",
    "systemd-udevd-kernel.socket",
    "systemd-udevd-control.socket",
    "systemd-udev-trigger.service",
)
#: Names of packages that roles install, and a # before remarks.
PREFETCH = Path(__file__).with_name("prefetch.txt")
#: Another branch may have other images; one that nobody used for so long is removed.
FORGOTTEN_AFTER = 3 * 24 * 3600


def prefetched() -> list[str]:
    """Packages whose files an image brings along."""
    lines = PREFETCH.read_text().splitlines()
    return [name for line in lines for name in line.partition("#")[0].split()]


def folder_of(release: str) -> Path:
    """Where the image of a release is, or will be: its name tells what went into it."""
    if release not in RELEASES:
        raise LabError(f"there is no image of {release}: choose from {', '.join(RELEASES)}")
    stamp = hashlib.sha256(Path(__file__).read_bytes())
    for part in [mirror().encode(), *(path.read_bytes() for path in own_authorities())]:
        stamp.update(part)
    stamp.update(" ".join(prefetched()).encode())
    return IMAGES / f"{release}-{stamp.hexdigest()[:12]}"


def image(release: str) -> Path:
    """The root of the image of a release; made, in a minute or two, when it is not there."""
    folder = folder_of(release)
    with locked(f"image-{release}"):
        if not (folder / "ready").exists():
            remove(folder)
            _make(release, folder / "root")
        (folder / "ready").touch()  # also the time of its last use
        _forget_images(release, kept=folder)
    return folder / "root"


def _make(release: str, root: Path) -> None:
    downloads = DOWNLOADS / release
    downloads.mkdir(parents=True, exist_ok=True)
    root.mkdir(parents=True)
    run(
        "debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}",
        f"--cache-dir={downloads}", release, root, mirror(), quiet=True,
    )  # fmt: skip
    _configure(release, root / "etc")
    _trust(root)
    run("systemctl", f"--root={root}", "enable", "systemd-networkd", "ssh", quiet=True)
    # Warm lists: a play's own update is a question whether they changed.
    run("chroot", root, "apt-get", "update", "-qq", quiet=True)
    _prefetch(root, downloads)


def _configure(release: str, etc: Path) -> None:
    (etc / "apt/sources.list").write_text(
        f"deb {mirror()} {release} main\n"
        f"deb {mirror()} {release}-updates main\n"
        f"deb {mirror()}-security {release}-security main\n"
    )
    (etc / "apt/apt.conf.d/90lab").write_text('Acquire::Languages "none";\n')
    for unit in MASKED:
        link = etc / "systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    for made_by_each_host in ("machine-id", "resolv.conf"):
        (etc / made_by_each_host).unlink(missing_ok=True)
    shutil.copyfile(resolver(), etc / "resolv.conf")


def _trust(root: Path) -> None:
    """What this machine trusts, the host trusts: both go through the same company's proxy."""
    authorities = own_authorities()
    if not authorities:
        return
    for path in authorities:
        shutil.copy(path, root / "usr/local/share/ca-certificates")
    run("chroot", root, "update-ca-certificates", quiet=True)
    # pip in a virtual environment trusts a list of its own.
    (root / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")


def _prefetch(root: Path, downloads: Path) -> None:
    archives = root / "var/cache/apt/archives"
    for package in downloads.glob("*.deb"):
        shutil.copy(package, archives)
    known = subprocess.run(
        ["chroot", root, "apt-cache", "show", *prefetched()],
        check=False, capture_output=True, text=True,
    ).stdout  # fmt: skip
    names = sorted(set(re.findall(r"^Package: (\S+)$", known, re.MULTILINE)))
    download = ("chroot", root, "apt-get", "install", "-qq", "-y", "--download-only")
    # Together it is quick; two that exclude each other are fetched one by one.
    if not works(*download, *names):
        for name in names:
            works(*download, name)
    # Files of superseded versions are of no use to anybody.
    works("chroot", root, "apt-get", "autoclean", "-qq")
    shutil.rmtree(downloads)
    downloads.mkdir()
    for package in archives.glob("*.deb"):
        shutil.copy(package, downloads)


def _forget_images(release: str, *, kept: Path) -> None:
    mounted = Path("/proc/mounts").read_text()
    for folder in IMAGES.glob(f"{release}-*"):
        ready = folder / "ready"
        fresh = ready.exists() and time.time() - ready.stat().st_mtime < FORGOTTEN_AFTER
        if not fresh and f"{folder}/" not in mounted and folder != kept:
            remove(folder)
