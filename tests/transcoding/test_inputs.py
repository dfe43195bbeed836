"""An object store's file is fetched once for all the chunks that are encoded here."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.config import settings
from app.core import storage as core_storage
from app.core.jobs import drain
from app.core.storage import NoSuchFileError
from app.core.storage_disk import DiskStorage
from app.transcoding import inputs
from app.transcoding.inputs import input_file, remove_unused
from tests.transcoding.conftest import Person, scratch_files


class FarStorage(DiskStorage):
    """Like an object store: none of its files is on this host."""

    fetched: list[str]

    def local_path(self, key: str) -> Path | None:  # type: ignore[override] # noqa: ARG002
        """None of them."""
        return None

    async def get_file(self, key: str, path: Path) -> None:
        """Count, and copy slowly."""
        self.fetched.append(key)
        await asyncio.sleep(0)
        near = DiskStorage(self.root)
        await near.get_file(key, path)


@pytest.fixture
def far(settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[FarStorage]:
    """A store of one file that is far away."""
    store = FarStorage(settings().storage.root)
    store.fetched = []
    monkeypatch.setattr(inputs, "storage", lambda: store)
    monkeypatch.setattr(inputs, "_PAUSE", 0.001)
    path = settings().storage.root / "originals" / "x" / "film.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film")
    yield store
    path.unlink()
    path.parent.rmdir()
    remove_unused(older_than=-1)


async def read(key: str) -> bytes:
    """What a job reads."""
    async with input_file(key) as path:
        await asyncio.sleep(0.01)
        assert path.suffix == ".mp4"
        return path.read_bytes()


async def test_many_jobs_fetch_it_once(far: FarStorage) -> None:
    found = await asyncio.gather(*(read("originals/x/film.mp4") for _ in range(8)))
    assert found == [b"film"] * 8
    assert far.fetched == ["originals/x/film.mp4"]


async def test_it_is_removed_when_nobody_reads_it(far: FarStorage) -> None:
    async with input_file("originals/x/film.mp4"):
        assert remove_unused(older_than=-1) == 0
    assert remove_unused(older_than=60) == 0
    assert remove_unused(older_than=-1) == 1
    assert scratch_files() == []
    await read("originals/x/film.mp4")
    assert len(far.fetched) == 2


async def test_one_that_is_not_there_leaves_nothing(far: FarStorage) -> None:
    with pytest.raises(NoSuchFileError):
        await read("originals/x/nothing.mp4")
    remove_unused(older_than=-1)
    assert scratch_files() == []
    assert far.fetched == ["originals/x/nothing.mp4"]


async def test_a_video_is_made_from_an_object_store(
    person: Person, source_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FarStorage(settings().storage.root)
    store.fetched = []
    near = DiskStorage(store.root)
    monkeypatch.setattr(FarStorage, "local", lambda _, key: near.local(key))
    monkeypatch.setattr(inputs, "storage", lambda: store)
    video = await person.upload(source_file("vp8-webm"))
    await drain()
    assert (await person.progress(video))["phase"] == "done"
    assert len(store.fetched) == 1
    remove_unused(older_than=-1)
    assert core_storage.storage() is not store
