"""The data folder: one site at a time, nobody else's files, a sentence for each trouble."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.local import folder as module
from app.local.folder import DataFolder, born_at
from app.local.trouble import TroubleError


def test_it_is_made_private_with_its_parents(tmp_path: Path) -> None:
    root = DataFolder(tmp_path / "a" / "b").root
    assert root.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in root.iterdir()} >= {"log", "redis", "storage", "work", "run"}


def test_a_second_site_on_it_is_refused_and_told_who_runs(tmp_path: Path) -> None:
    first = DataFolder(tmp_path / "data")
    first.announce("http://127.0.0.1:9000")
    with pytest.raises(TroubleError) as caught:
        DataFolder(tmp_path / "data")
    assert f"already runs on {tmp_path}/data (process {os.getpid()}," in str(caught.value)
    assert "http://127.0.0.1:9000" in str(caught.value)


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(TroubleError, match="holds something else"):
        DataFolder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(TroubleError, match="cannot be used"):
        DataFolder(tmp_path / "data")


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=12_000_000))
    with pytest.raises(TroubleError, match="is full: 12 MB are left, and Kinora needs 200 MB"):
        DataFolder(tmp_path / "data")


def test_sockets_of_a_long_path_are_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    short, long = DataFolder(tmp_path / "d"), DataFolder(tmp_path / ("x" * 100))
    monkeypatch.setattr(module, "LONGEST_SOCKET", len(f"{short.root}/run/{module.SOCKET}"))
    assert short.sockets() == short.root / "run"
    assert long.sockets().parent == temporary
    assert long.sockets().stat().st_mode & 0o777 == 0o700


def test_a_strangers_socket_folder_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = DataFolder(tmp_path / ("x" * 100))
    data.sockets().chmod(0o777)
    with pytest.raises(TroubleError, match="belongs to somebody else"):
        data.sockets()


def test_leftovers_are_told_from_later_processes_of_the_same_number(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    assert data.leftovers() == {}
    data.remember({"web": os.getpid()})
    assert data.leftovers() == {"web": os.getpid()}
    note = data.root / "run" / "processes.json"
    note.write_text(json.dumps({"web": [os.getpid(), born_at(os.getpid()) - 1]}))
    assert data.leftovers() == {}


def test_the_dead_were_never_born() -> None:
    assert born_at(2**22 + 1) == 0
