"""Files in a folder of this host: moved, synced, never left half done."""

import os
from pathlib import Path

import pytest

from app.core.storage import Storage
from app.core.storage_disk import UNFINISHED, DiskStorage
from tests.core.conftest import Configure
from tests.core.stored_files import KEY, content_of, file_of


async def test_on_disk_a_file_is_moved_and_nothing_else_is_left(
    bare: Configure, tmp_path: Path
) -> None:
    store = DiskStorage(tmp_path / "root")
    path = file_of(tmp_path, b"x")
    inode = path.stat().st_ino
    await store.put_file(KEY, path)
    assert store.local_path(KEY).stat().st_ino == inode
    await store.delete(KEY)
    assert list((tmp_path / "root").iterdir()) == []


async def test_on_disk_a_file_of_another_disk_is_copied(
    bare: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, path = DiskStorage(tmp_path / "root"), file_of(tmp_path, b"x")
    replace = Path.replace

    def as_if_apart(self: Path, target: Path) -> Path:
        if self == path:
            raise OSError(18, "Invalid cross-device link")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", as_if_apart)
    await store.put_file(KEY, path)
    assert not path.exists()
    assert await content_of(store, KEY) == b"x"
    assert list((store.root / UNFINISHED).iterdir()) == []


async def test_on_disk_a_failure_leaves_the_old_file_and_nothing_unfinished(
    bare: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DiskStorage(tmp_path / "root")
    await store.put_bytes(KEY, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        await store.put_bytes(KEY, b"new")
    assert list((store.root / UNFINISHED).iterdir()) == []
    assert await content_of(store, KEY) == b"old"


async def test_on_disk_everything_is_synced_before_it_is_acknowledged(
    bare: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, synced = DiskStorage(tmp_path / "root"), []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    path = file_of(tmp_path, b"x")
    await store.put_file(KEY, path)
    folder = store.local_path(KEY).parent
    assert synced == [str(path), *map(str, (folder, folder.parent, folder.parent.parent))]


async def test_on_disk_browsers_come_to_us(bare: Configure, tmp_path: Path) -> None:
    store: Storage = DiskStorage(tmp_path)
    assert store.public_url(KEY) is None
    assert await store.signed_url(KEY, 60) is None
