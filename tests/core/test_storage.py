"""What both kinds of storage promise."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config import settings
from app.core import storage_s3
from app.core.net import close_sessions
from app.core.storage import NoSuchFileError, Storage, checked, content_type_of, storage
from app.core.storage_disk import UNFINISHED, DiskStorage
from app.core.storage_s3 import S3Storage
from tests.core.conftest import Configure
from tests.core.stored_files import FOLDER, KEY, content_of, file_of, keys_of


@pytest.fixture(params=["disk", "s3"])
async def store(
    request: pytest.FixtureRequest, bare: Configure, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Storage]:
    if request.param == "disk":
        yield DiskStorage(settings().storage.root)
        return
    endpoint = request.getfixturevalue("moto")
    bare(
        storage__backend="s3",
        storage__s3_endpoint=endpoint,
        storage__s3_bucket="kinora",
        storage__s3_access_key="access",
        storage__s3_secret_key="secret",
    )
    monkeypatch.setattr(storage_s3, "FIRST_PAUSE_SECONDS", 0)
    async with aiohttp.ClientSession() as session:  # noqa: TID251 - the test's own
        await (await session.post(f"{endpoint}/moto-api/reset")).read()
        async with session.put(f"{endpoint}/kinora") as made:
            assert made.ok
    yield S3Storage(settings().storage)
    await close_sessions()


async def test_what_is_put_is_there(store: Storage, tmp_path: Path) -> None:
    path = file_of(tmp_path, b"pixels")
    await store.put_file(KEY, path)
    assert not path.exists()
    assert await store.exists(KEY)
    assert await store.size(KEY) == 6
    assert await content_of(store, KEY) == b"pixels"
    await store.get_file(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"pixels"
    async with store.local(KEY) as local:
        assert local.read_bytes() == b"pixels"
        assert local.name.endswith(".mp4")


async def test_a_file_is_replaced_whole(store: Storage, tmp_path: Path) -> None:
    await store.put_bytes(KEY, b"old and longer", "video/mp4")
    await store.put_file(KEY, file_of(tmp_path, b"new"))
    assert await content_of(store, KEY) == b"new"
    await store.put_bytes(KEY, b"")
    assert (await content_of(store, KEY), await store.size(KEY)) == (b"", 0)


@pytest.mark.parametrize(
    ("start", "length", "part"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (0, 4, b"0123"),
        (3, 4, b"3456"),
        (9, 1, b"9"),
        (8, 100, b"89"),
        (10, None, b""),
        (12, 5, b""),
        (3, 0, b""),
    ],
)
async def test_ranges(store: Storage, start: int, length: int | None, part: bytes) -> None:
    await store.put_bytes(KEY, b"0123456789")
    assert await content_of(store, KEY, start, length) == part


async def test_what_is_not_there(store: Storage, tmp_path: Path) -> None:
    assert not await store.exists(KEY)
    for action in (
        lambda: store.size(KEY),
        lambda: store.get_file(KEY, tmp_path / "x"),
        lambda: content_of(store, KEY),
        lambda: store.move(KEY, "thumbnails/x.jpg"),
        lambda: store.local(KEY).__aenter__(),
    ):
        with pytest.raises(NoSuchFileError):
            await action()
    await store.delete(KEY, "thumbnails/x.jpg")
    await store.delete_prefix(FOLDER)


async def test_deleting_and_listing(store: Storage) -> None:
    keys = [f"{FOLDER}{name}" for name in ("a.mp4", "b.m3u8", "c.mp4")]
    other = "hls/0192f0c1-2f7b-7c39-9f3a-0a1b2c3d4e5f0/a.mp4"
    for key in (*keys, other, "thumbnails/a.jpg"):
        await store.put_bytes(key, b"x")
    assert await keys_of(store, FOLDER) == keys
    assert await keys_of(store, "hls/") == [*keys, other]
    assert await keys_of(store, f"{FOLDER}b") == keys[1:2]
    assert len(await keys_of(store, "")) == 5
    await store.delete(keys[0], keys[1])
    assert await keys_of(store, FOLDER) == keys[2:]
    await store.delete_prefix(FOLDER)
    assert await keys_of(store, "") == [other, "thumbnails/a.jpg"]
    with pytest.raises(ValueError, match="folder"):
        await store.delete_prefix("hls")


async def test_moving(store: Storage) -> None:
    await store.put_bytes("originals/a/b.mp4", b"x")
    await store.move("originals/a/b.mp4", "originals/c/d-e.mp4")
    assert await keys_of(store, "") == ["originals/c/d-e.mp4"]


async def test_listing_more_than_a_page(store: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_s3, "KEYS_AT_ONCE", 2)
    keys = [f"thumbnails/{number}.jpg" for number in range(5)]
    for key in keys:
        await store.put_bytes(key, b"")
    assert await keys_of(store, "thumbnails/") == keys


BAD_KEYS = [
    "", "/", "/etc/passwd", "../secret", "hls/../../secret", "hls/./a", "hls//a", "hls/a/",
    ".hidden",
    ".unfinished/0", "a\x00b", "a b", "a\\b", "ä.jpg", "a\n", "%2e%2e/a", "-rf", "a" * 300,
    "/".join("abcdefghi"), "http://example.org/a", "a?b", "a#b",
]  # fmt: skip


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_what_is_no_key_is_nowhere(store: Storage, tmp_path: Path, key: str) -> None:
    path = file_of(tmp_path, b"x")
    for action in (
        lambda: store.put_bytes(key, b"x"),
        lambda: store.put_file(key, path),
        lambda: store.size(key),
        lambda: store.delete(key),
        lambda: store.delete_prefix(key + "/"),
        lambda: content_of(store, key),
        lambda: store.signed_url(key, 60),
    ):
        with pytest.raises(NoSuchFileError):
            await action()
    with pytest.raises(NoSuchFileError):
        store.local_path(key)
    assert path.exists()


@given(st.text(max_size=30))
def test_no_key_leaves_its_root(key: str) -> None:
    try:
        checked(key)
    except NoSuchFileError:
        return
    root = Path("/srv/storage")
    assert Path(os.path.normpath(root / key)).is_relative_to(root)
    assert os.path.normpath(root / key) == str(root / key)


async def test_many_at_once_in_folders_that_come_and_go(store: Storage, tmp_path: Path) -> None:
    async def one(number: int) -> None:
        key = f"originals/{number % 3}/{number}.mp4"
        for _ in range(5):
            await store.put_bytes(key, b"x" * number)
            assert await store.size(key) == number
            await store.delete(key)

    await asyncio.gather(*(one(number) for number in range(1, 13)))
    assert await keys_of(store, "") == []


def test_types_by_name() -> None:
    assert content_of_names() == {
        "a.mp4": "video/mp4",
        "a.m3u8": "application/vnd.apple.mpegurl",
        "a.mpd": "application/dash+xml",
        "a.jpg": "image/jpeg",
        "a.vtt": "text/vtt",
        "a.unknown": "application/octet-stream",
        "a": "application/octet-stream",
    }


def content_of_names() -> dict[str, str]:
    names = ("a.mp4", "a.m3u8", "a.mpd", "a.jpg", "a.vtt", "a.unknown", "a")
    return {name: content_type_of(name) for name in names}


def test_the_settings_choose(bare: Configure, tmp_path: Path) -> None:
    storage.cache_clear()
    assert isinstance(storage(), DiskStorage)
    storage.cache_clear()
    bare(storage__backend="s3", storage__s3_endpoint="http://127.0.0.1:1")
    assert isinstance(storage(), S3Storage)
    storage.cache_clear()


async def test_what_a_kill_left_half_done_is_removed(
    store: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.put_bytes(KEY, b"whole")
    if isinstance(store, S3Storage):
        await store._ask("POST", store._url("hls/a/b.mp4"), query={"uploads": ""})
        copies = settings().storage.work / storage_s3.COPIES / "abc"
        copies.mkdir(parents=True)
        file_of(copies, b"copy")
    elif isinstance(store, DiskStorage):
        file_of(store.root / UNFINISHED, b"half")
    ages = timedelta(days=20_000), timedelta(0)  # moto's uploads all began in 2010
    for older_than, is_left in zip(ages, (True, False), strict=True):
        await store.remove_unfinished(older_than=older_than)
        if isinstance(store, S3Storage):
            _, body = await store._ask("GET", store.base, query={"uploads": ""})
            assert (b"hls/a/b.mp4" in body) is is_left
            assert copies.exists() is is_left
        elif isinstance(store, DiskStorage):
            assert bool(list((store.root / UNFINISHED).iterdir())) is is_left
    assert await keys_of(store, "") == [KEY]
    await store.close()
