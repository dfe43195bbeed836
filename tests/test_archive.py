"""The archive that the appliance deploys."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from app import __version__, archive, vendor


@pytest.fixture(autouse=True)
def _libraries_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "fetch_for_pages", lambda: None)


def test_the_archive_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    first = archive.release(tmp_path / "a")
    again = archive.release(tmp_path / "b")
    assert first.name == again.name
    assert first.name.startswith(f"kinora-{__version__}-")
    assert first.read_bytes() == again.read_bytes()


def test_a_changed_program_has_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = archive.release(tmp_path).name
    real = archive._files
    monkeypatch.setattr(archive, "_files", lambda: [*real(), ("app/more.py", b"")])
    assert archive.release(tmp_path).name != before


def test_what_is_unpacked_runs_and_knows_its_name(tmp_path: Path) -> None:
    path = archive.release(tmp_path)
    unpacked = tmp_path / "release"
    unpacked.mkdir()
    subprocess.run(["tar", "-xf", path, "-C", unpacked], check=True)
    assert not list(unpacked.rglob("__pycache__"))
    told = subprocess.run(
        [sys.executable, "-m", "app", "--version"],
        cwd=unpacked, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert path.name == f"kinora-{told.stdout.strip()}.tar.gz"


def test_wheels_are_asked_for_whatever_python_runs_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def download(command: list[object], *, check: bool) -> None:
        assert check
        wanted, found = Path(str(command[-3])), Path(str(command[-1]))
        asked.extend(wanted.read_text().splitlines())
        found.mkdir()
        (found / "some.whl").touch()

    monkeypatch.setattr(subprocess, "run", download)
    path = archive.wheels(tmp_path, "3.11")
    assert path.name.endswith("-cp311.tar.gz")
    assert any(line.startswith("async-timeout==") for line in asked)
    assert not any(" ; " in line for line in asked)
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["some.whl"]


def test_a_release_is_packed_with_its_own_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sysadmin may deploy an older release from a newer checkout."""
    (tmp_path / "requirements.lock").write_text("older==1.0 --hash=sha256:00\n")
    older = tmp_path / "kinora-0.0.1.tar.gz"
    with tarfile.open(older, "w:gz") as tar:
        tar.add(tmp_path / "requirements.lock", "requirements.lock")
    asked: list[str] = []

    def download(command: list[object], *, check: bool) -> None:
        assert check
        asked.append(Path(str(command[-3])).read_text())
        Path(str(command[-1])).mkdir()

    monkeypatch.setattr(subprocess, "run", download)
    path = archive.wheels(tmp_path, "3.13", of=older)
    assert asked == ["older==1.0 --hash=sha256:00\n"]
    assert path != archive.wheels(tmp_path, "3.13")
