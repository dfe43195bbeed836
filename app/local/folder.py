"""The data folder of a site: what is in it, whose it is, and that only one site runs on it."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from app.local import identity
from app.local.trouble import TroubleError

SPACE_TO_START = 200 * 1000**2  # an empty site takes 60 MB
SPACE_TO_GO_ON = 50 * 1000**2  # PostgreSQL writes ahead; and somebody wants to delete videos
SPACE_TO_FAIL = 10 * 1000**2  # with less, whatever went wrong went wrong for this
LONGEST_SOCKET = 107  # bytes of a socket's path, in Linux
SOCKET = ".s.PGSQL.5432.lock"  # the longest name in the folder of sockets
MARK = "kinora.lock"


class DataFolder:
    """A data folder that is ours as long as this object lives."""

    def __init__(self, root: Path) -> None:
        """Take the folder, making it where it is missing; raises TroubleError."""
        self.root = root.absolute()
        try:
            self._take()
        except OSError as error:
            raise TroubleError(_why(error, self.root)) from error

    def _take(self) -> None:
        made = not self.root.exists()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = self.root / MARK
        if not mark.exists() and any(self.root.iterdir()):
            raise TroubleError(
                f"{self.root} holds something else; name an empty or a new folder with --data."
            )
        self.identity = identity.choose(self.root)
        self._lock = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TroubleError(self._who_runs()) from None
        self.identity.give(self.root)
        self.identity.give(mark)
        if made or self.root.stat().st_mode & 0o077:
            self.root.chmod(0o700)
        is_new = not (self.root / "postgres").exists()
        self.ensure_space(SPACE_TO_START if is_new else SPACE_TO_GO_ON)
        for name in ("log", "redis", "storage", "work", "run"):
            self._make(self.root / name)

    def ensure_space(self, wanted: int) -> None:
        """Raise TroubleError when the disk has fewer bytes left."""
        free = shutil.disk_usage(self.root).free
        if free < wanted:
            needed = max(wanted, SPACE_TO_GO_ON) // 1000**2
            raise TroubleError(
                f"The disk of {self.root} is full: {free // 1000**2} MB are left,"
                f" and Kinora needs {needed} MB to start."
            )

    def _make(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.identity.give(folder)

    def _who_runs(self) -> str:
        try:
            known = json.loads((self.root / MARK).read_text())
            who = f"process {known['pid']}, {known['url']}"
        except (ValueError, KeyError):
            who = "it is just starting"
        return f"Kinora already runs on {self.root} ({who})."

    def announce(self, url: str) -> None:
        """Say in the lock who holds it, for whoever tries next."""
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)

    def sockets(self) -> Path:
        """The folder of the sockets: in the data folder, or in /tmp when that name is too long."""
        folder = self.root / "run"
        if len(os.fsencode(folder / SOCKET)) <= LONGEST_SOCKET:
            return folder
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"kinora-{name}"
        self._make(folder)
        found = folder.lstat()
        if folder.is_symlink() or found.st_uid != self.identity.uid or found.st_mode & 0o077:
            raise TroubleError(f"{folder} belongs to somebody else; use a shorter --data.")
        return folder

    def write(self, path: Path, text: str, *, mode: int = 0o600) -> Path:
        """Write a file of the site, whole or not at all."""
        part = path.with_name(f"{path.name}.part")
        part.write_text(text)
        part.chmod(mode)
        self.identity.give(part)
        return part.replace(path)

    def remember(self, processes: Mapping[str, int]) -> None:
        """Note which processes run, by name; read by `leftovers` and by tests.

        A full disk leaves the note as it was: that is no reason to stop, nor not to.
        """
        born = {name: [pid, born_at(pid)] for name, pid in processes.items()}
        with contextlib.suppress(OSError):
            self.write(self.root / "run" / "processes.json", json.dumps(born))

    def leftovers(self) -> dict[str, int]:
        """Processes of an earlier run that was killed and that have not ended yet."""
        try:
            known = json.loads((self.root / "run" / "processes.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return {name: pid for name, (pid, born) in known.items() if born and born_at(pid) == born}


def born_at(pid: int) -> int:
    """When a process began, in ticks since boot: that tells it from a later one of its number.

    0 when there is none, or when it is dead and only waits for its parent.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if after_name[0] in "ZX" else int(after_name[19])


def _why(error: OSError, root: Path) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"The disk of {root} is full."
        case errno.EACCES | errno.EPERM:
            return f"You may not write to {root}; name another folder with --data."
        case errno.EROFS:
            return f"The disk of {root} can only be read; name another folder with --data."
        case _:
            return f"The data folder {root} cannot be used: {error.strerror}."
