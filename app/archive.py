"""Makes the archive that the appliance deploys: `python3 -m app.archive FOLDER`.

It holds the program, its pages and the browser libraries, and is the same to the last byte when
these are. Its name, `kinora-VERSION-HASH.tar.gz`, tells two of them apart. Needs Python and nothing
else: it runs on the machine of the sysadmin. `--wheels 3.13` packs the libraries for hosts that
cannot reach a package index, for which it needs pip.
"""

import argparse
import gzip
import hashlib
import io
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from app import __version__, vendor

ROOT: Final = Path(__file__).parent.parent
FOLDERS: Final = ("app", "templates")
FILES: Final = ("pyproject.toml", "requirements.lock", "README.md", "CHANGELOG.md", "LICENSE")
#: What a running site leaves in its folders.
LEFT_OUT: Final = ("__pycache__", ".stamp")
#: Debian 12's C library is 2.36.
PLATFORMS: Final = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")


def main(arguments: list[str] | None = None) -> int:
    """Make what is missing and print its path; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m app.archive", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to put it")
    parser.add_argument("--wheels", metavar="PYTHON", help="the libraries, for this Python")
    parser.add_argument("--of", type=Path, metavar="ARCHIVE", help="the libraries of that release")
    options = parser.parse_args(arguments)
    try:
        made = (
            wheels(options.folder, options.wheels, of=options.of)
            if options.wheels
            else release(options.folder)
        )
    except (vendor.VendorError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{made}\n")
    return 0


def release(folder: Path) -> Path:
    """The archive of this checkout, in a folder. Raises vendor.VendorError."""
    vendor.fetch_for_pages()
    files = dict(_files())
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    name = f"{__version__}-{digest.hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    return _write(folder / f"kinora-{name}.tar.gz", files | {"RELEASE": f"{name}\n".encode()})


def wheels(folder: Path, python: str, *, of: Path | None = None) -> Path:
    """The libraries of this checkout, or of a release, as wheels for a Python.

    Raises CalledProcessError; KeyError where the archive is not a release.
    """
    lock = _lock_of(of) if of else (ROOT / "requirements.lock").read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{hashlib.sha256(lock).hexdigest()[:12]}-cp{python.replace('.', '')}"
    path = folder / f"wheels-{name}.tar.gz"
    if path.exists():
        return path
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", python]
    for system in PLATFORMS:
        command += ["--platform", f"{system}_{platform.machine()}"]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        # pip would judge `python_full_version < '3.11.3'` by the Python that runs here
        wanted, found = Path(scratch, "wanted.txt"), Path(scratch, "found")
        wanted.write_text(re.sub(r" ; [^\\\n]+", " ", lock.decode()))
        subprocess.run([*command, "-r", wanted, "-d", found], check=True)  # noqa: S603
        files = {wheel.name: wheel.read_bytes() for wheel in found.iterdir()}
    return _write(path, files)


def _lock_of(archive: Path) -> bytes:
    with tarfile.open(archive) as tar:
        found = tar.extractfile("requirements.lock")
        return found.read() if found else b""


def _files() -> Iterator[tuple[str, bytes]]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not any(part in LEFT_OUT for part in path.parts):
                yield str(path.relative_to(ROOT)), path.read_bytes()
    for name in FILES:
        yield name, (ROOT / name).read_bytes()


def _write(path: Path, files: Mapping[str, bytes]) -> Path:
    """A tarball without times and owners, there whole or not at all."""
    if path.exists():
        return path
    draft = path.with_name(f".{path.name}")
    with (
        draft.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return draft.rename(path)


if __name__ == "__main__":
    sys.exit(main())
