import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from yarl import URL

from app.config import settings
from app.core import storage_s3
from app.core.net import close_sessions
from app.core.s3_signature import Credentials, presigned_url, signed_headers
from app.core.storage import NoSuchFileError, Storage, checked, content_type_of, storage
from app.core.storage_disk import UNFINISHED, DiskStorage
from app.core.storage_s3 import ObjectStoreError, S3Storage
from tests.core.conftest import Configure

KEY = "hls/0192f0c1-2f7b-7c39-9f3a-0a1b2c3d4e5f/720-a1.mp4"
FOLDER = KEY.rpartition("/")[0] + "/"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of an S3 server in a thread of this process."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


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


def file_of(folder: Path, content: bytes, name: str = "made") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


async def content_of(store: Storage, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([block async for block in await store.open_range(key, start, length)])


async def keys_of(store: Storage, prefix: str) -> list[str]:
    return [key async for key in store.list(prefix)]


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


# ── the disk ──────────────────────────────────────────────────────────────────────────────────────


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


# ── the object store ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def s3(bare: Configure, moto: str) -> AsyncIterator[S3Storage]:
    bare(
        storage__backend="s3",
        storage__s3_endpoint=moto,
        storage__s3_access_key="access",
        storage__s3_secret_key="secret",
        storage__s3_public_url="https://cdn.example/files/",
    )
    async with aiohttp.ClientSession() as session:  # noqa: TID251 - the test's own
        await (await session.post(f"{moto}/moto-api/reset")).read()
        await (await session.put(f"{moto}/kinora")).read()
        yield S3Storage(settings().storage)
    await close_sessions()


async def test_a_large_file_goes_in_parts_through_little_memory(
    s3: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_s3, "PART", 5 * 1024**2)
    content = os.urandom(12_000_000)
    await s3.put_file(KEY, file_of(tmp_path, content))
    assert await s3.size(KEY) == len(content)
    await s3.get_file(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content
    assert await content_of(s3, KEY, 5_242_870, 20) == content[5_242_870:5_242_890]
    headers, _ = await s3._ask("HEAD", s3._url(KEY))
    assert headers["ETag"].endswith('-3"')
    assert headers["Content-Type"] == "video/mp4"


async def test_a_part_that_fails_takes_the_upload_with_it(
    s3: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_s3, "PART", 5 * 1024**2)
    path = file_of(tmp_path, b"x" * 11_000_000)
    ask, asked = s3._ask, []

    async def failing(method: str, url: str, **options: Any) -> Any:
        asked.append(method)
        if options.get("query", {}).get("partNumber") == "2":
            raise ObjectStoreError("disk on fire")
        return await ask(method, url, **options)

    monkeypatch.setattr(s3, "_ask", failing)
    with pytest.raises(ObjectStoreError, match="disk on fire"):
        await s3.put_file(KEY, path)
    assert asked == ["POST", "PUT", "PUT", "DELETE"]
    assert path.exists()
    _, body = await ask("GET", s3.base, query={"uploads": ""})
    assert b"<Upload>" not in body
    assert not await s3.exists(KEY)


async def test_a_huge_file_is_moved_in_parts(
    s3: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(11_000_000)
    await s3.put_file(KEY, file_of(tmp_path, content))
    monkeypatch.setattr(storage_s3, "MAX_COPY", 5 * 1024**2)
    await s3.move(KEY, "originals/a/b.mp4")
    assert await keys_of(s3, "") == ["originals/a/b.mp4"]
    assert await content_of(s3, "originals/a/b.mp4") == content


async def test_scratch_copies_are_removed(s3: S3Storage) -> None:
    await s3.put_bytes(KEY, b"x")
    async with s3.local(KEY) as path:
        assert path.is_relative_to(settings().storage.work)
    assert list((settings().storage.work / "storage").iterdir()) == []


async def test_a_signed_address_works_and_names_the_file(s3: S3Storage) -> None:
    await s3.put_bytes(KEY, b"pixels")
    url = await s3.signed_url(KEY, 60, filename="Mein Film.mp4")
    assert url is not None
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Expires"] == ["60"]
    async with (
        aiohttp.ClientSession() as session,  # noqa: TID251 - as a browser would
        session.get(URL(url, encoded=True)) as answer,
    ):
        assert await answer.read() == b"pixels"
        assert "Mein%20Film.mp4" in answer.headers["Content-Disposition"]
    assert s3.public_url(KEY) == f"https://cdn.example/files/{KEY}"
    assert s3.local_path(KEY) is None


class Store:
    """An object store that answers as it is told."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.headers.get('Range', '')}".strip())
        answer = self.answers.pop(0)
        if isinstance(answer, Cut):
            return await answer.send(request)
        return answer


class Cut(web.Response):
    """An answer that promises more than it sends."""

    async def send(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=200)
        answer.content_length = 10
        await answer.prepare(request)
        await answer.write(b"01234")
        assert request.transport is not None
        request.transport.close()
        return answer


@pytest.fixture
async def fake(
    bare: Configure, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Store, S3Storage]]:
    found = Store()
    monkeypatch.setattr(storage_s3, "FIRST_PAUSE_SECONDS", 0)
    app = web.Application()
    app.router.add_route("*", "/{key:.*}", found.answer)
    async with TestServer(app) as server:
        bare(storage__backend="s3", storage__s3_endpoint=str(server.make_url("")).rstrip("/"))
        yield found, S3Storage(settings().storage)
        await close_sessions()


async def test_a_busy_store_is_asked_again(fake: tuple[Store, S3Storage]) -> None:
    store, s3 = fake
    store.answers = [web.Response(status=503), web.Response(status=500), web.Response()]
    await s3.put_bytes(KEY, b"x")
    assert store.asked == ["PUT"] * 3


async def test_a_store_that_stays_broken_is_an_error(fake: tuple[Store, S3Storage]) -> None:
    store, s3 = fake
    store.answers = [web.Response(status=503) for _ in range(4)]
    with pytest.raises(ObjectStoreError, match="503"):
        await s3.put_bytes(KEY, b"x")
    store.answers = [web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")]
    with pytest.raises(ObjectStoreError, match="403 AccessDenied"):
        await s3.put_bytes(KEY, b"x")


async def test_a_missing_bucket_is_no_missing_file(fake: tuple[Store, S3Storage]) -> None:
    store, s3 = fake
    store.answers = [web.Response(status=404, text="<Error><Code>NoSuchBucket</Code></Error>")]
    with pytest.raises(ObjectStoreError, match="NoSuchBucket"):
        await s3.put_bytes(KEY, b"x")


async def test_a_cut_download_goes_on_where_it_was(
    fake: tuple[Store, S3Storage], tmp_path: Path
) -> None:
    store, s3 = fake
    size = web.Response(headers={"Content-Length": "10"})
    store.answers = [size, Cut(), web.Response(body=b"56789", status=206)]
    await s3.get_file(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    assert store.asked == ["HEAD", "GET bytes=0-9", "GET bytes=5-9"]


async def test_a_failure_after_a_200_is_a_failure(
    fake: tuple[Store, S3Storage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, s3 = fake
    monkeypatch.setattr(storage_s3, "PART", 4)
    started = "<Started xmlns='x'><UploadId>7</UploadId></Started>"
    parts = [web.Response(headers={"ETag": f'"{number}"'}) for number in range(2)]
    failed = web.Response(text="<Error><Code>InternalError</Code></Error>")
    store.answers = [web.Response(text=started), *parts, failed, web.Response(status=204)]
    with pytest.raises(ObjectStoreError, match="InternalError"):
        await s3.put_file(KEY, file_of(tmp_path, b"12345678"))
    assert store.asked == ["POST", "PUT", "PUT", "POST", "DELETE"]


NOW = datetime(2026, 11, 22, 20, 15, tzinfo=UTC)
NAMES = st.text("abcXYZ019-_.~", min_size=1, max_size=10)


@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    path=st.lists(NAMES, max_size=3),
    query=st.dictionaries(NAMES, st.text("aZ0 /+=&?~-äé*'", max_size=8), max_size=3),
    value=st.text("ab 0;=", max_size=8),
    body=st.binary(max_size=20),
)
def test_signatures_are_botocores(
    method: str, path: list[str], query: dict[str, str], value: str, body: bytes
) -> None:
    url = f"https://s3.example:8333/{'/'.join(path)}"
    digest = hashlib.sha256(body).hexdigest()
    mine = signed_headers(
        Credentials("access", "secret", "eu-1"),
        method,
        url,
        query=query,
        headers={"X-Amz-Meta-A": value},
        payload_sha256=digest,
        now=NOW,
    )
    asked = AWSRequest(method, url, {"X-Amz-Meta-A": value}, body, query)
    asked.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    signer = S3SigV4Auth(BotoCredentials("access", "secret"), "s3", "eu-1")
    asked.headers["X-Amz-Content-SHA256"] = digest
    asked.headers["X-Amz-Date"] = asked.context["timestamp"]
    canonical = signer.canonical_request(asked)
    signature = signer.signature(signer.string_to_sign(asked, canonical), asked)
    assert mine["Authorization"].endswith(f"Signature={signature}")
    names = signer.signed_headers(signer.headers_to_sign(asked))
    assert f"SignedHeaders={names}," in mine["Authorization"]


def test_presigned_addresses_are_botocores() -> None:
    url = f"https://s3.example/kinora/{KEY}"
    me = Credentials("access", "secret", "eu-1")
    mine = presigned_url(me, url, seconds=60, query={}, now=NOW)
    asked = AWSRequest("GET", url)
    signer = S3SigV4QueryAuth(BotoCredentials("access", "secret"), "s3", "eu-1", expires=60)
    asked.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(asked)
    canonical = signer.canonical_request(asked)
    signature = signer.signature(signer.string_to_sign(asked, canonical), asked)
    assert parse_qs(urlsplit(mine).query)["X-Amz-Signature"] == [signature]


def test_xml_of_a_store_that_is_none() -> None:
    with pytest.raises(ObjectStoreError):
        storage_s3._parsed(b"<html")
    assert isinstance(storage_s3._parsed(b"<a xmlns='x'><b/></a>"), ET.Element)


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
