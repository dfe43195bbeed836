"""Files in a bucket of an S3 object store, through the small part of S3 that every store speaks.

Addresses are path-style (`endpoint/bucket/key`). Large files go up in parts of 16 MiB, the most
that is ever in memory; one that fails is aborted, so that no invisible parts stay behind.
"""

import asyncio
import contextlib
import hashlib
import io
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import aiohttp
from yarl import URL

from app.config import Place, settings
from app.core.errors import AppError
from app.core.net import close_sessions, trusting_session
from app.core.s3_signature import (
    EMPTY_SHA256,
    Credentials,
    canonical_query,
    presigned_url,
    signed_headers,
)
from app.core.storage import (
    BLOCK,
    NoSuchFileError,
    Stored,
    checked,
    checked_prefix,
    content_type_of,
)

PART = 16 * 1024**2
MAX_PARTS = 10_000
KEYS_AT_ONCE = 1000
#: The folder of the scratch folder that holds local copies.
COPIES = "storage"
#: S3 copies no more than this in one call.
MAX_COPY = 5 * 1024**3
ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.2
#: No answer, or none of the following bytes, for so long is a failure.
QUIET_SECONDS = 60
_RETRIED = frozenset((429, 500, 502, 503, 504))
_NAMESPACE = re.compile(r"\{.*?\}")


class ObjectStoreError(AppError):
    """The object store did not do what was asked, even when asked again."""

    status = 502

    def __init__(self, text: str) -> None:
        super().__init__(f"The object store failed: {text}", code="object_store")


class S3Storage:
    """`Storage` in a bucket."""

    def __init__(self, configuration: Place) -> None:
        endpoints = configuration.s3_endpoint.split() or [""]
        self._bases = [f"{each.rstrip('/')}/{configuration.s3_bucket}" for each in endpoints]
        self._answering = 0
        #: What addresses are made with; a request may go to another address of the same store.
        self.base = self._bases[0]
        self.public = configuration.s3_public_url.rstrip("/")
        self.credentials = Credentials(
            configuration.s3_access_key.get_secret_value(),
            configuration.s3_secret_key.get_secret_value(),
            configuration.s3_region,
        )

    def local_path(self, key: str) -> Path | None:
        """None: nothing is on this host."""
        checked(key)
        return None

    async def put_file(self, key: str, path: Path) -> None:
        """Upload the file, in parts when it is large, then remove it here."""
        size = (await asyncio.to_thread(path.stat)).st_size
        if size <= PART:
            await self.put_bytes(key, await asyncio.to_thread(path.read_bytes))
        else:
            await self._put_parts(key, path, size)
        await asyncio.to_thread(path.unlink)

    async def put_bytes(self, key: str, data: bytes, content_type: str = "") -> None:
        """One PUT; the store checks the bytes by the SHA-256 in the signature."""
        headers = {"content-type": content_type or content_type_of(key)}
        await self._ask("PUT", self._url(key), body=data, headers=headers)

    async def get_file(self, key: str, path: Path) -> None:
        """Download; what a cut connection left out is asked for again."""
        size, have = await self.size(key), 0
        file = await asyncio.to_thread(path.open, "wb")
        try:
            for attempt in range(ATTEMPTS):
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async for block in await self.open_range(key, have, size - have):
                        await asyncio.to_thread(file.write, block)
                        have += len(block)
                if have == size:
                    return
                await _pause(attempt)
        finally:
            await asyncio.to_thread(file.close)
        raise ObjectStoreError(f"{key} ended after {have} of {size} bytes")

    @contextlib.asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """A copy in the scratch folder."""
        folder = settings().storage.work / COPIES / secrets.token_hex(8)
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            path = folder / Path(checked(key)).name
            await self.get_file(key, path)
            yield path
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def open_range(
        self, key: str, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The body of a ranged GET."""
        if length == 0:
            return _nothing()
        end = "" if length is None else start + length - 1
        headers = {"range": f"bytes={start}-{end}"} if start or length is not None else {}
        response = await self._send("GET", self._url(key), headers=headers)
        if response.status == 416:
            response.close()
            return _nothing()

        async def read() -> AsyncIterator[bytes]:
            try:
                async for block in response.content.iter_chunked(BLOCK):
                    yield block
            finally:
                response.close()

        return read()

    async def exists(self, key: str) -> bool:
        """Whether its first byte is there."""
        try:
            await self._look(key)
        except NoSuchFileError:
            return False
        return True

    async def size(self, key: str) -> int:
        """Its bytes, by the store's word."""
        return (await self._look(key)).size

    async def version(self, key: str) -> str:
        """Its ETag."""
        return (await self._look(key)).version

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """ListObjectsV2, page by page."""
        async for entry in self.entries(prefix):
            yield entry.key

    async def entries(self, prefix: str) -> AsyncIterator[Stored]:
        """The same, with sizes and ETags."""
        query = {"list-type": "2", "prefix": prefix, "max-keys": str(KEYS_AT_ONCE)}
        while True:
            _, body = await self._ask("GET", self.base, query=query)
            page = _parsed(body)
            for entry in page.iter("Contents"):
                tag = entry.findtext("ETag", "").strip('"')
                yield Stored(entry.findtext("Key", ""), int(entry.findtext("Size", "0")), tag)
            token = page.findtext("NextContinuationToken")
            if page.findtext("IsTruncated") != "true" or not token:
                return
            query["continuation-token"] = token

    async def delete(self, *keys: str) -> None:
        """A DELETE each."""
        for url in [self._url(key) for key in keys]:
            with contextlib.suppress(NoSuchFileError):
                await self._ask("DELETE", url)

    async def delete_prefix(self, prefix: str) -> None:
        """All that a listing finds."""
        await self.delete(*[key async for key in self.list(checked_prefix(prefix))])

    async def move(self, old: str, new: str) -> None:
        """Copy inside the store, then delete."""
        size = await self.size(old)
        source = {"x-amz-copy-source": quote(f"/{self.base.rpartition('/')[2]}/{checked(old)}")}
        if size <= MAX_COPY:
            kind = {"content-type": content_type_of(new)}
            _, body = await self._ask("PUT", self._url(new), headers=source | kind)
            _refuse_error(body)
        else:
            async with self._parts(new) as parts:
                for start in range(0, size, MAX_COPY):
                    end = min(start + MAX_COPY, size) - 1
                    ranged = source | {"x-amz-copy-source-range": f"bytes={start}-{end}"}
                    _, body = await self._ask(
                        "PUT", self._url(new), query=parts.next(), headers=ranged
                    )
                    parts.done(_parsed(body).findtext("ETag", ""))
        await self.delete(old)

    async def signed_url(self, key: str, seconds: int, *, filename: str = "") -> str | None:
        """A presigned GET; with `filename` the browser saves it under that name."""
        query = {}
        if filename:
            disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
            query["response-content-disposition"] = disposition
        return presigned_url(self.credentials, self._url(key), seconds=seconds, query=query)

    async def remove_unfinished(self, *, older_than: timedelta) -> None:
        """Abort uploads in parts that nobody completed, and remove copies that nobody reads."""
        limit = datetime.now(UTC) - older_than
        _, body = await self._ask("GET", self.base, query={"uploads": ""})
        for upload in _parsed(body).iter("Upload"):
            if datetime.fromisoformat(upload.findtext("Initiated", "")) <= limit:
                query = {"uploadId": upload.findtext("UploadId", "")}
                with contextlib.suppress(NoSuchFileError):
                    await self._ask("DELETE", self._url(upload.findtext("Key", "")), query=query)
        await asyncio.to_thread(_remove_copies, before=limit.timestamp())

    async def close(self) -> None:
        """Close the connections to the store."""
        await close_sessions()

    def public_url(self, key: str) -> str | None:
        """Below the public address, where the settings name one."""
        return f"{self.public}/{checked(key)}" if self.public else None

    async def _put_parts(self, key: str, path: Path, size: int) -> None:
        part = max(PART, -(-size // MAX_PARTS))
        descriptor = await asyncio.to_thread(os.open, path, os.O_RDONLY)
        try:
            async with self._parts(key) as parts:
                for start in range(0, size, part):
                    data = await asyncio.to_thread(os.pread, descriptor, part, start)
                    headers, _ = await self._ask(
                        "PUT", self._url(key), query=parts.next(), body=data
                    )
                    parts.done(headers["ETag"])
        finally:
            os.close(descriptor)

    @contextlib.asynccontextmanager
    async def _parts(self, key: str) -> "AsyncIterator[_Parts]":
        """An upload in parts: completed at the end of the block, aborted when that fails."""
        kind = {"content-type": content_type_of(key)}
        _, body = await self._ask("POST", self._url(key), query={"uploads": ""}, headers=kind)
        parts = _Parts(_parsed(body).findtext("UploadId", ""))
        try:
            yield parts
            _, body = await self._ask(
                "POST", self._url(key), query=parts.upload, body=parts.manifest()
            )
            _refuse_error(body)
        except BaseException:
            with contextlib.suppress(AppError):
                await asyncio.shield(self._ask("DELETE", self._url(key), query=parts.upload))
            raise

    async def _look(self, key: str) -> Stored:
        """What a GET of the first byte tells: some stores answer a HEAD of what is missing wrongly.

        Swift on Debian 12 sends the end of a body that a HEAD must not have, and the connection is
        lost with the answer.
        """
        headers, _ = await self._ask("GET", self._url(key), headers={"range": "bytes=0-0"})
        whole = headers.get("Content-Range", "").rpartition("/")[2]  # an empty file may have none
        return Stored(key, int(whole or 0), headers.get("ETag", "").strip('"'))

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[Mapping[str, str], bytes]:
        """A request whose answer is small: its headers and its body."""
        response = await self._send(method, url, query=query, headers=headers, body=body)
        async with response:
            return response.headers, await response.read()

    async def _send(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> aiohttp.ClientResponse:
        """A signed request, repeated while the store is busy; its answer is good, or a 416."""
        query = query or {}
        digest = await asyncio.to_thread(hashlib.sha256, body) if body else None
        tail = f"?{canonical_query(query)}" if query else ""
        failure = ""
        for attempt in range(max(ATTEMPTS, len(self._bases) + 1)):
            at = self._answering
            asked = self._bases[at] + url.removeprefix(self.base)
            signed = signed_headers(
                self.credentials,
                method,
                asked,
                query=query,
                headers=headers or {},
                payload_sha256=digest.hexdigest() if digest else EMPTY_SHA256,
            )
            try:
                response = await trusting_session().request(
                    method,
                    URL(asked + tail, encoded=True),
                    headers=signed,
                    data=io.BytesIO(body) if body else None,
                    skip_auto_headers=("Content-Type", "Accept-Encoding"),
                    timeout=aiohttp.ClientTimeout(
                        sock_connect=self._patience(), sock_read=QUIET_SECONDS
                    ),
                )
            except (aiohttp.ClientError, TimeoutError) as error:
                failure = str(error) or type(error).__name__
                self._turn_away(at)
            else:
                if response.ok or response.status == 416:
                    return response
                failure = await _why(response)
                if response.status == 404 and "NoSuchBucket" not in failure:
                    raise NoSuchFileError(url)
                if response.status not in _RETRIED:
                    raise ObjectStoreError(f"{method} {url}: {failure}")
                self._turn_away(at)
            if attempt + 1 < ATTEMPTS:
                await _pause(attempt)
        raise ObjectStoreError(f"{method} {url}: {failure}")

    def _patience(self) -> float:
        """Seconds until a host counts as gone: few, where another one has the same files."""
        return 10 if len(self._bases) == 1 else 2

    def _turn_away(self, at: int) -> None:
        """Go on to the next address, unless somebody else did so meanwhile."""
        if self._answering == at:
            self._answering = (at + 1) % len(self._bases)

    def _url(self, key: str) -> str:
        return f"{self.base}/{quote(checked(key))}"


class _Parts:
    """The parts of one upload."""

    def __init__(self, upload_id: str) -> None:
        self.upload = {"uploadId": upload_id}
        self._tags: list[str] = []

    def next(self) -> dict[str, str]:
        """The query of the next part."""
        return {"partNumber": str(len(self._tags) + 1)} | self.upload

    def done(self, tag: str) -> None:
        """The store has the part, and named it so."""
        self._tags.append(tag)

    def manifest(self) -> bytes:
        """What completes the upload."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in enumerate(self._tags, 1)
        )
        return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


async def _why(response: aiohttp.ClientResponse) -> str:
    async with response:
        text = (await response.content.read(2000)).decode(errors="replace")
    found = re.search(r"<Code>(.*?)</Code>", text)
    return f"{response.status} {found[1] if found else response.reason}"


def _parsed(body: bytes) -> ET.Element:
    """The store's XML without its name space."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - from the store that the administrator named
    except ET.ParseError as error:
        raise ObjectStoreError(f"its answer cannot be read: {error}") from None
    for element in root.iter():
        element.tag = _NAMESPACE.sub("", element.tag)
    return root


def _refuse_error(body: bytes) -> None:
    """Some calls answer 200 before they have failed."""
    if b"<Error>" in body:
        raise ObjectStoreError(_parsed(body).findtext("Code", "unknown"))


def _remove_copies(*, before: float) -> None:
    for folder in (settings().storage.work / COPIES).glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if folder.stat().st_mtime <= before:
                shutil.rmtree(folder, ignore_errors=True)


async def _pause(attempt: int) -> None:
    await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**attempt)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
