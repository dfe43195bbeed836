"""A site that moves from one place to another, whatever happens meanwhile."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from app.__main__ import main
from app.config import settings
from app.core import storage_copy, storage_moving, storage_s3
from app.core.net import close_sessions
from app.core.storage import NoSuchFileError, Storage, storage
from app.core.storage_copy import Copier, Journal, Tally
from app.core.storage_disk import DiskStorage
from app.core.storage_moving import MovingStorage
from app.core.storage_s3 import S3Storage
from tests.core.conftest import Configure
from tests.core.stored_files import FOLDER, KEY, content_of, file_of, keys_of

Places = tuple[Storage, Storage]


@pytest.fixture(params=["disk to s3", "s3 to disk", "disk to disk"])
async def places(
    request: pytest.FixtureRequest,
    bare: Configure,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Places]:
    """Where a site moves from, and where to."""
    monkeypatch.setattr(storage_s3, "FIRST_PAUSE_SECONDS", 0)
    one, other = DiskStorage(tmp_path / "one"), DiskStorage(tmp_path / "other")
    if request.param == "disk to disk":
        yield one, other
        return
    endpoint = request.getfixturevalue("moto")
    bare(storage__s3_endpoint=endpoint, storage__s3_access_key="a", storage__s3_secret_key="b")
    async with aiohttp.ClientSession() as session:  # noqa: TID251 - the test's own
        await (await session.post(f"{endpoint}/moto-api/reset")).read()
        await (await session.put(f"{endpoint}/kinora")).read()
    bucket = S3Storage(settings().storage)
    yield (one, bucket) if request.param == "disk to s3" else (bucket, one)
    await close_sessions()


def moving(places: Places, *, switched: bool = False) -> MovingStorage:
    return MovingStorage(source=places[0], target=places[1], leading=places[int(switched)])


def copier(places: Places, tmp_path: Path) -> Copier:
    return Copier(*places, journal=Journal(tmp_path / "journal"), say=lambda _: None)


@pytest.mark.parametrize("switched", [False, True])
async def test_what_is_put_is_in_both_and_so_is_its_end(
    places: Places, tmp_path: Path, switched: bool
) -> None:
    site = moving(places, switched=switched)
    path = file_of(tmp_path, b"pixels")
    await site.put_file(KEY, path)
    await site.put_bytes("thumbnails/a.jpg", b"picture")
    assert not list(tmp_path.glob("made*"))
    for place in places:
        assert await content_of(place, KEY) == b"pixels"
        assert await keys_of(place, "") == [KEY, "thumbnails/a.jpg"]
    await site.move("thumbnails/a.jpg", "thumbnails/b.jpg")
    await site.delete_prefix(FOLDER)
    for place in places:
        assert await keys_of(place, "") == ["thumbnails/b.jpg"]
    await site.delete("thumbnails/b.jpg")
    assert await keys_of(site, "") == []
    await site.remove_unfinished(older_than=timedelta(0))
    await site.close()


@pytest.mark.parametrize("switched", [False, True])
@pytest.mark.parametrize("holder", [0, 1])
async def test_a_file_is_found_wherever_it_is(
    places: Places, tmp_path: Path, switched: bool, holder: int
) -> None:
    site = moving(places, switched=switched)
    await places[holder].put_bytes(KEY, b"0123456789")
    assert await site.exists(KEY)
    assert await site.size(KEY) == 10
    assert await site.version(KEY)
    assert await content_of(site, KEY, 3, 4) == b"3456"
    await site.get_file(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    async with site.local(KEY) as path:
        assert path.read_bytes() == b"0123456789"
    if (path_now := site.local_path(KEY)) is not None and all(
        isinstance(place, DiskStorage) for place in places
    ):
        assert path_now.exists()
    assert [entry.size async for entry in site.entries("hls/")] == [10]
    await site.move(KEY, "originals/a/b.mp4")
    assert await keys_of(site, "") == ["originals/a/b.mp4"]
    with pytest.raises(NoSuchFileError):
        await site.size(KEY)
    with pytest.raises(NoSuchFileError):
        await site.move(KEY, "originals/a/c.mp4")


async def test_everything_is_copied_once(places: Places, tmp_path: Path) -> None:
    contents = {f"hls/a/{number}.mp4": os.urandom(1000 + number) for number in range(30)}
    for key, content in contents.items():
        await places[0].put_bytes(key, content)
    first = await copier(places, tmp_path).run()
    assert (first.state, first.copied, first.files) == ("done", 30, 30)
    assert {key: await content_of(places[1], key) for key in contents} == contents
    assert await keys_of(places[0], "") == sorted(contents)
    again = await copier(places, tmp_path).run()
    assert (again.state, again.copied, again.files) == ("done", 0, 30)


async def test_a_wrong_or_half_file_of_the_same_size_is_copied_again(
    places: Places, tmp_path: Path
) -> None:
    await places[0].put_bytes(KEY, b"right")
    await places[1].put_bytes(KEY, b"wrong")
    assert (await copier(places, tmp_path).run()).copied == 1
    assert await content_of(places[1], KEY) == b"right"


async def test_what_was_journaled_is_looked_at_again_once_it_changed(
    places: Places, tmp_path: Path
) -> None:
    await places[0].put_bytes(KEY, b"old")
    await copier(places, tmp_path).run()
    with (tmp_path / "journal").open("a") as journal:
        journal.write('["torn')  # as a kill leaves it
    await places[0].put_bytes(KEY, b"newer")
    assert (await copier(places, tmp_path).run()).copied == 1
    assert await content_of(places[1], KEY) == b"newer"


async def test_what_is_written_and_deleted_while_it_is_copied(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes between reading a file and putting its copy, both places end up the same."""
    site = moving(places)
    await places[0].put_bytes("hls/a/changed.m3u8", b"one")
    await places[0].put_bytes("hls/a/deleted.mp4", b"gone soon")
    put_file, done = places[1].put_file, set()

    async def meanwhile(key: str, path: Path) -> None:
        if key not in done:
            done.add(key)
            if key == "hls/a/changed.m3u8":
                await site.put_bytes(key, b"one two")
            elif key == "hls/a/deleted.mp4":
                await site.delete(key)
        await put_file(key, path)

    monkeypatch.setattr(places[1], "put_file", meanwhile)
    assert (await copier(places, tmp_path).run()).state == "done"
    for place in places:
        assert await keys_of(place, "") == ["hls/a/changed.m3u8"]
        assert await content_of(place, "hls/a/changed.m3u8") == b"one two"


async def test_a_busy_site_moves_whole(places: Places, tmp_path: Path) -> None:
    """Writers, readers and the copying at once; the switch in the middle."""
    for number in range(20):
        await places[0].put_bytes(f"originals/old/{number}.mp4", b"x" * number)
    sites = [moving(places), moving(places, switched=True)]
    living: set[str] = {f"originals/old/{number}.mp4" for number in range(20)}

    async def write(number: int) -> None:
        for turn in range(4):
            key = f"hls/{number}/{turn}.mp4"
            await sites[turn // 2].put_bytes(key, os.urandom(50))
            assert await content_of(sites[1 - turn // 2], key)
            living.add(key)
            if turn % 2:
                await sites[turn // 2].delete(key)
                living.discard(key)

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(write(number))
        assert (await copier(places, tmp_path).run()).state == "done"
    assert (await copier(places, tmp_path).run()).state == "done"
    for place in places:
        assert set(await keys_of(place, "")) == living


async def test_what_cannot_be_copied_is_named(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await places[0].put_bytes(KEY, b"x")

    async def full(key: str, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(places[1], "put_file", full)
    ours = copier(places, tmp_path)
    tally = await ours.run()
    assert (tally.state, tally.failed) == ("failed", 1)
    assert "No space left" in ours.problems[0]
    assert "1 FAILED" in tally.sentence()


async def test_the_old_place_is_cleared_of_what_the_new_one_has(places: Places) -> None:
    await places[0].put_bytes(KEY, b"x")
    await places[1].put_bytes(KEY, b"y")
    await places[0].put_bytes("thumbnails/only.jpg", b"x")
    assert await storage_copy.clear(*places, everything=False) == (1, 1)
    assert await keys_of(places[0], "") == ["thumbnails/only.jpg"]
    assert await storage_copy.clear(*places, everything=True) == (1, 0)
    assert await keys_of(places[0], "") == []
    assert await keys_of(places[1], "") == [KEY]


def test_a_file_system_without_second_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    storage_moving.share(file_of(tmp_path, b"x"), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == b"x"


def test_the_command_moves_a_site(
    bare: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage.cache_clear()
    assert main(["storage", "move"]) == 2
    assert "no place to move to" in capsys.readouterr().err
    asyncio.run(DiskStorage(tmp_path / "storage").put_bytes(KEY, b"pixels"))
    bare(storage_to__active=True, storage_to__root=str(tmp_path / "new"))
    assert isinstance(storage(), MovingStorage)
    assert main(["storage", "check", "--to"]) == 0
    assert main(["storage", "move"]) == 0
    assert "1 of 1 files, 6 bytes of 6 bytes (100%), 1 copied" in capsys.readouterr().out
    assert (tmp_path / "new" / KEY).read_bytes() == b"pixels"
    assert main(["storage", "clear"]) == 2
    bare(
        storage__root=str(tmp_path / "new"),
        storage_to__active=False,
        storage_from__active=True,
        storage_from__root=str(tmp_path / "storage"),
    )
    storage.cache_clear()
    assert isinstance(found := storage(), MovingStorage)
    assert found.leading is found.target
    assert main(["storage", "move"]) == 0
    bare(storage_from__active=False)
    assert main(["storage", "clear"]) == 0
    assert not (tmp_path / "storage" / KEY).exists()
    assert (tmp_path / "new" / KEY).exists()
    storage.cache_clear()


def test_the_command_copies_to_the_place_of_a_file(bare: Configure, tmp_path: Path) -> None:
    asyncio.run(DiskStorage(tmp_path / "storage").put_bytes(KEY, b"pixels"))
    told = tmp_path / "there.toml"
    told.write_text(f'[storage]\nroot = "{tmp_path / "there"}"\n')
    assert main(["storage", "move", "--to", str(told)]) == 0
    assert (tmp_path / "there" / KEY).read_bytes() == b"pixels"
    told.write_text(f'[storage]\nroot = "{tmp_path / "storage"}"\n')
    assert main(["storage", "move", "--to", str(told)]) == 2
    assert main(["storage", "move", "--to", str(tmp_path / "none.toml")]) == 2


def test_a_sentence_tells_how_long_it_will_take() -> None:
    tally = Tally(files=1, of_files=4, bytes=10**9, of_bytes=4 * 10**9, copied=1, seconds=60)
    assert (
        tally.sentence() == "1 of 4 files, 1.0 GB of 4.0 GB (25%), 1 copied, about 3 minutes left"
    )
