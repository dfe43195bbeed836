"""How bin/ makes the virtual environment: by hash, once, and anew when it was left half-made."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.site import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with our bin/, where `venv` has run once, and what that said."""
    folder = tmp_path_factory.mktemp("venv") / "checkout"
    shutil.copytree(ROOT / "bin", folder / "bin")
    write_lock(folder, version="1.0")
    first = make(folder)
    assert first.returncode == 0, first.stderr
    return folder, first.stdout


@pytest.fixture
def checkout(made: tuple[Path, str]) -> Path:
    return made[0]


def write_lock(folder: Path, *, version: str) -> None:
    wheel = folder / f"leaf-{version}-py3-none-any.whl"
    about = f"leaf-{version}.dist-info"
    files = {
        "leaf.py": f"version = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: leaf\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{about}/RECORD"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(
            record, "".join(f"{row(*item)}\n" for item in files.items()) + f"{record},,\n"
        )
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "one.lock").write_text(f"leaf=={version} --hash=sha256:{digest}\n")


def row(name: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(text)}"


def make(
    checkout: Path, function: str = "venv", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run what bin/run, bin/test and bin/check run first."""
    own = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout)}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        ["sh", "-euc", f". bin/_venv; {function} one.lock"],
        cwd=checkout,
        env=inherited | own | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def is_ready(checkout: Path) -> bool:
    """Whether nothing would be done."""
    return make(checkout, "venv_is_ready").returncode == 0


def leaf(checkout: Path) -> str:
    """The version of the package that is installed."""
    python = str(checkout / ".venv" / "bin" / "python")
    ask = subprocess.run(
        [python, "-c", "import leaf; print(leaf.version)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return ask.stdout.strip()


def test_it_is_made_once_and_follows_the_lock(made: tuple[Path, str]) -> None:
    checkout, said = made
    assert "Making the virtual environment .venv with Python 3." in said
    assert "Installing the packages of one.lock (1)." in said
    assert leaf(checkout) == "1.0"
    assert make(checkout).stdout == ""
    write_lock(checkout, version="2.0")
    assert not is_ready(checkout)
    assert "Making" not in make(checkout).stdout
    assert leaf(checkout) == "2.0"


def test_half_of_one_is_not_taken_for_a_whole(checkout: Path, tmp_path: Path) -> None:
    assert is_ready(checkout)
    flag = checkout / ".venv" / "locks" / "installing"
    flag.touch()
    assert not is_ready(checkout)
    flag.unlink()
    for part in ("bin/python", "locks/place", "locks/one.lock"):
        (checkout / ".venv" / part).rename(tmp_path / "part")
        assert not is_ready(checkout), part
        (tmp_path / "part").rename(checkout / ".venv" / part)
    assert is_ready(checkout)


def test_one_that_was_moved_is_not_taken_for_our_own(checkout: Path, tmp_path: Path) -> None:
    moved = checkout.rename(tmp_path / "moved")
    assert not is_ready(moved)
    moved.rename(checkout)
    assert is_ready(checkout)


def test_a_package_that_is_not_the_locked_one_is_refused_and_the_next_try_mends_it(
    checkout: Path,
) -> None:
    write_lock(checkout, version="3.0")
    lock = checkout / "one.lock"
    right = lock.read_text()
    lock.write_text(right[:-5] + "0000\n")
    refused = make(checkout)
    assert refused.returncode == 1
    assert "Not all packages of one.lock could be installed: see above." in refused.stderr
    assert "Traceback" not in refused.stderr
    lock.write_text(right)
    mended = make(checkout)
    assert "Making the virtual environment" in mended.stdout  # it was left half-made
    assert is_ready(checkout)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_somebody_elses_checkout_is_told(checkout: Path) -> None:
    checkout.chmod(0o555)
    refused = make(checkout)
    checkout.chmod(0o755)
    assert "is not yours to write to" in refused.stderr


WITHOUT_ENSUREPIP = """#!/bin/sh
[ "$2" != "import ensurepip" ] && exec /usr/bin/env python3 "$@"
"""


def test_where_pip_is_fetched_from_and_nothing_follows_in_vain(
    checkout: Path, tmp_path: Path
) -> None:
    python = tmp_path / "python3"
    python.write_text(WITHOUT_ENSUREPIP)
    python.chmod(0o755)
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = file:///of-the-file/simple/\n")
    find = f"find_python() {{ python={python}; }}; rm -r .venv; venv"
    named = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    for index, settings in (
        ("file:///of-the-file/simple", named),
        ("file:///of-the-environment", named | {"PIP_INDEX_URL": "file:///of-the-environment"}),
    ):
        refused = make(checkout, find, **settings)
        assert refused.returncode == 1
        told, end = refused.stderr.splitlines()
        assert told.startswith(f"pip could not be fetched from {index}/pip/: ")
        assert end == "The virtual environment .venv could not be made."
    assert make(checkout).returncode == 0


def test_each_command_that_needs_the_environment_makes_it() -> None:
    scripts = [path for path in (ROOT / "bin").iterdir() if "_" not in path.name]
    using = {path.name for path in scripts if ".venv/bin" in path.read_text()}
    calls = re.compile(r"^ *venv requirements", re.MULTILINE)
    making = {path.name for path in scripts if calls.search(path.read_text())}
    assert {"run", "test", "check"} <= using <= making


def test_locking_without_its_tool_is_told() -> None:
    refused = subprocess.run(
        ["sh", str(ROOT / "bin" / "lock")],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("bin/lock needs uv in the PATH: ")
