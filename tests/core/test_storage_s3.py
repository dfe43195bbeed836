"""Files in an object store: in parts, in spite of its troubles, by signed addresses."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from app.config import settings
from app.core import storage_s3
from app.core.net import close_sessions
from app.core.storage_s3 import ObjectStoreError, S3Storage
from tests.core.conftest import Configure
from tests.core.stored_files import KEY, content_of, file_of, keys_of


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
    size = web.Response(body=b"0", status=206, headers={"Content-Range": "bytes 0-0/10"})
    store.answers = [size, Cut(), web.Response(body=b"56789", status=206)]
    await s3.get_file(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    assert store.asked == ["GET bytes=0-0", "GET bytes=0-9", "GET bytes=5-9"]


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


def test_xml_of_a_store_that_is_none() -> None:
    with pytest.raises(ObjectStoreError):
        storage_s3._parsed(b"<html")
    assert isinstance(storage_s3._parsed(b"<a xmlns='x'><b/></a>"), ET.Element)


async def test_of_several_addresses_one_that_answers_is_taken(
    bare: Configure, moto: str, s3: S3Storage, unused_tcp_port: int
) -> None:
    """One host of the store is gone: the others have the same files."""
    bare(storage__s3_endpoint=f"http://127.0.0.1:{unused_tcp_port} {moto}")
    several = S3Storage(settings().storage)
    await several.put_bytes(KEY, b"pixels")
    assert await content_of(several, KEY) == b"pixels"
    assert await keys_of(several, "") == [KEY]
    url = await several.signed_url(KEY, 60)
    assert url is not None
    assert url.startswith(f"http://127.0.0.1:{unused_tcp_port}/kinora/{KEY}?")


async def test_a_listing_tells_sizes_and_versions(s3: S3Storage) -> None:
    await s3.put_bytes(KEY, b"one")
    before = [entry async for entry in s3.entries("")]
    assert [(entry.key, entry.size, entry.version) for entry in before] == [
        (KEY, 3, await s3.version(KEY))
    ]
    await s3.put_bytes(KEY, b"two")
    assert await s3.version(KEY) != before[0].version
