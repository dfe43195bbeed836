"""The private PostgreSQL and Redis of a site: made once, on sockets that only its user can open."""

import shutil
import subprocess
from pathlib import Path

from app.local.folder import DataFolder
from app.local.identity import Identity
from app.local.programs import Programs
from app.local.supervisor import Process, last_line
from app.local.trouble import TroubleError

USER = "kinora"

#: For a machine that does other things as well; what is acknowledged is on disk all the same.
POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "48MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def database_url(sockets: Path) -> str:
    """The URL of the private database."""
    return f"postgres://{USER}@/{USER}?host={sockets}"


def maintenance_url(sockets: Path) -> str:
    """The URL of the database that every PostgreSQL has, from which ours is made."""
    return f"postgres://{USER}@/postgres?host={sockets}"


def redis_url(sockets: Path) -> str:
    """The URL of the private Redis."""
    return f"unix://{sockets}/redis.sock"


def make_cluster(folder: DataFolder, user: Identity, programs: Programs) -> bool:
    """Make the empty database cluster; gives False where it is there. Raises TroubleError."""
    cluster = folder.root / "postgres"
    if cluster.exists():
        return False
    # Under another name first: a cluster that was interrupted in the making looks whole.
    half_made = folder.root / "postgres.part"
    shutil.rmtree(half_made, ignore_errors=True)
    half_made.mkdir(mode=0o700)
    user.give(half_made)
    log = folder.root / "log" / "initdb.log"
    command = user.command(
        *(programs.postgres.path.parent / "initdb", "--pgdata", half_made, "--username", USER),
        *("--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"),
    )
    with log.open("wb") as output:
        user.give(log)
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=folder.root, check=False
        )
    if done.returncode != 0:
        shutil.rmtree(half_made, ignore_errors=True)
        raise TroubleError(f"The database could not be made: {last_line(log)} See {log}.")
    half_made.rename(cluster)
    return True


def postgres(folder: DataFolder, user: Identity, programs: Programs) -> Process:
    """The private PostgreSQL."""
    options = [
        word for name, value in POSTGRES_OPTIONS.items() for word in ("-c", f"{name}={value}")
    ]
    return Process(
        "postgres",
        user.command(
            *(programs.postgres.path, "-D", folder.root / "postgres", "-k", folder.sockets()),
            *options,
            death_signal="INT",
        ),
        stop_signal="INT",  # "fast": rolls back and stops; TERM would wait for clients
        kill_signal="QUIT",
    )


def redis(folder: DataFolder, user: Identity, programs: Programs) -> Process:
    """The private Redis or Valkey; it keeps what a restart would otherwise have to send again."""
    return Process(
        "redis",
        user.command(
            *(programs.redis.path, "--port", "0", "--unixsocket", folder.sockets() / "redis.sock"),
            *("--unixsocketperm", "700", "--dir", folder.root / "redis", "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "everysec"),
            death_signal="TERM",
        ),
    )
