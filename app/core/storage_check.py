"""Whether an object store does what a site needs of it, told in one sentence for each failure.

It needs nothing but Python, so that a bare host can ask before a site is there: `python3 -m
app.core.storage_check` reads the place as JSON from standard input. Everything it writes is below
one scratch folder, which it removes.
"""

import hashlib
import http.client
import json
import os
import secrets
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener
from xml.etree import ElementTree as ET

from app.core.s3_signature import Credentials, canonical_query, presigned_url, signed_headers

TIMEOUT_SECONDS = 20
#: The least that S3 takes as a part that is not the last.
PART = 5 * 1024**2
#: Listings of a store with several hosts may be late.
LISTED_SECONDS = 15


class FailedCheckError(Exception):
    """What the store does not do, as a sentence for the sysadmin."""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """A redirect is an answer like any other: its signature would be wrong elsewhere."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the store said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """A header by its name, however the store writes that."""
        named = {key.lower(): value for key, value in self.headers.items()}
        return named.get(name.lower(), "")

    @property
    def code(self) -> str:
        """The store's own word for an error, else the status."""
        return _text(self.body, "Code") or str(self.status)


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and who asks."""

    endpoint: str
    bucket: str
    credentials: Credentials

    def url(self, key: str = "") -> str:
        """The address of an object, or of the bucket."""
        return f"{self.endpoint}/{self.bucket}" + (f"/{quote(key)}" if key else "")

    def ask(
        self,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """A signed request; raises FailedCheckError when nothing answers it."""
        signed = signed_headers(
            self.credentials,
            method,
            self.url(key),
            query=query or {},
            headers=headers or {},
            payload_sha256=hashlib.sha256(body).hexdigest(),
        )
        tail = f"?{canonical_query(query)}" if query else ""
        return fetch(method, self.url(key) + tail, headers=signed, body=body)


def fetch(method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """A request as it is."""
    data = body if body or method in ("PUT", "POST") else None
    request = Request(url, method=method, headers=dict(headers), data=data)  # noqa: S310 - checked
    if data is not None:
        request.add_unredirected_header("Content-type", headers.get("content-type", "text/plain"))
    try:
        with build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as answer:
            return Answer(answer.status, dict(answer.headers.items()), answer.read())
    except HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers.items()), error.read())
    except (URLError, OSError, http.client.HTTPException) as error:
        raise FailedCheckError(_unreachable(url, error)) from None


def run(place: Place, *, make_bucket: bool = False) -> Iterator[str]:
    """Each thing that works, as it is found; raises FailedCheckError at the first that does not."""
    folder = f"check/{secrets.token_hex(8)}/"
    yield _reach(place, make_bucket=make_bucket)
    try:
        for check in (_whole, _ranges, _parts, _listing, _signed, _wrong_key, _delete):
            yield check(place, folder)
    finally:
        for name in ("a.bin", "b.bin", "c.bin"):
            place.ask("DELETE", folder + name)


def _reach(place: Place, *, make_bucket: bool) -> str:
    if not place.endpoint.startswith(("http://", "https://")):
        raise FailedCheckError(
            f"{place.endpoint!r} is no address of a store: it must begin with https:// or http://."
        )
    answer = place.ask("HEAD")
    if answer.status == 404 and make_bucket:
        made = place.ask("PUT")
        if made.code != "BucketAlreadyOwnedByYou":
            _expect(made, 200, f"The bucket {place.bucket} could not be made")
        until = time.monotonic() + LISTED_SECONDS
        while (
            answer.status == 404 and time.monotonic() < until
        ):  # stores remember what was not there
            time.sleep(0.5)
            answer = place.ask("HEAD")
    if answer.status == 404:
        raise FailedCheckError(
            f"There is no bucket {place.bucket} at {place.endpoint}: make it, or correct its name."
        )
    if answer.status in (301, 307, 308):
        raise FailedCheckError(
            f"{place.endpoint} sends us elsewhere: its region is not {place.credentials.region},"
            " or it does not serve buckets as paths (endpoint/bucket)."
        )
    if answer.status in (400, 401, 403):
        reason = place.ask("GET", query={"list-type": "2", "max-keys": "1"}).code
        raise FailedCheckError(_refused(place, reason))
    _expect(answer, 200, f"{place.endpoint} does not speak S3")
    return f"{place.endpoint} answers and has the bucket {place.bucket}"


def _refused(place: Place, reason: str) -> str:
    known = {
        "InvalidAccessKeyId": "it does not know the access key",
        "SignatureDoesNotMatch": "the secret key is wrong",
        "RequestTimeTooSkewed": "this host's clock is wrong",
        "AuthorizationHeaderMalformed": f"its region is not {place.credentials.region}",
        "AccessDenied": f"the key may not use the bucket {place.bucket}",
    }
    return f"{place.endpoint} refuses us: {known.get(reason, f'it says {reason}')}."


def _whole(place: Place, folder: str) -> str:
    data = secrets.token_bytes(1000)
    kind = {"content-type": "video/mp4"}
    _expect(place.ask("PUT", folder + "a.bin", body=data, headers=kind), 200, "A file is not taken")
    head = place.ask("HEAD", folder + "a.bin")
    _expect(head, 200, "A file that was put is not there (HEAD)")
    if head.header("Content-Length") != "1000":
        raise FailedCheckError("The store does not say how large a file is (HEAD).")
    if head.header("Content-Type") != "video/mp4":
        raise FailedCheckError("The store forgets what type a file has.")
    got = place.ask("GET", folder + "a.bin")
    _expect(got, 200, "A file cannot be read")
    if got.body != data:
        raise FailedCheckError("The store gives back other bytes than it took.")
    _expect(place.ask("HEAD", folder + "none"), 404, "A file that was never put is there")
    place.ask("PUT", folder + "b.bin", body=data)
    return "files are put, found and read"


def _ranges(place: Place, folder: str) -> str:
    whole = place.ask("GET", folder + "a.bin").body
    for asked, wanted in (("100-199", whole[100:200]), ("900-", whole[900:])):
        got = place.ask("GET", folder + "a.bin", headers={"range": f"bytes={asked}"})
        if got.status == 200:
            raise FailedCheckError(
                "The store answers a part of a file with the whole (200 instead of 206): players"
                " cannot seek, and a film would be sent again and again."
            )
        _expect(got, 206, "A part of a file cannot be read")
        if got.body != wanted:
            raise FailedCheckError("The store gives another part of a file than was asked for.")
    return "parts of files are read"


def _parts(place: Place, folder: str) -> str:
    key = folder + "c.bin"
    begun = place.ask("POST", key, query={"uploads": ""})
    _expect(begun, 200, "An upload in parts cannot be begun")
    upload = {"uploadId": _text(begun.body, "UploadId")}
    data, manifest = os.urandom(PART + 1000), ""
    for number, part in enumerate((data[:PART], data[PART:]), 1):
        taken = place.ask("PUT", key, query={"partNumber": str(number)} | upload, body=part)
        _expect(taken, 200, "A part of an upload is not taken")
        tag = f"<ETag>{taken.header('ETag')}</ETag>"
        manifest += f"<Part><PartNumber>{number}</PartNumber>{tag}</Part>"
    body = f"<CompleteMultipartUpload>{manifest}</CompleteMultipartUpload>".encode()
    done = place.ask("POST", key, query=upload, body=body)
    _expect(done, 200, "An upload in parts cannot be ended")
    if b"<Error>" in done.body or place.ask("GET", key).body != data:
        raise FailedCheckError("A file that went up in parts comes back as another.")
    across = place.ask("GET", key, headers={"range": f"bytes={PART - 10}-{PART + 9}"})
    if across.status != 206 or across.body != data[PART - 10 : PART + 10]:
        raise FailedCheckError("A file that went up in parts cannot be read across two of them.")
    begun = place.ask("POST", folder + "d.bin", query={"uploads": ""})
    upload = {"uploadId": _text(begun.body, "UploadId")}
    _expect(place.ask("DELETE", folder + "d.bin", query=upload), 204, "Uploads cannot be aborted")
    return "large files go up in parts"


def _listing(place: Place, folder: str) -> str:
    until = time.monotonic() + LISTED_SECONDS
    while True:
        query = {"list-type": "2", "prefix": folder, "max-keys": "2"}
        page = place.ask("GET", query=query)
        _expect(page, 200, "Files cannot be listed (ListObjectsV2)")
        found = _texts(page.body, "Key")
        if token := _text(page.body, "NextContinuationToken"):
            found += _texts(
                place.ask("GET", query=query | {"continuation-token": token}).body, "Key"
            )
        if found == [folder + name for name in ("a.bin", "b.bin", "c.bin")]:
            return "files are listed"
        if time.monotonic() > until:
            raise FailedCheckError(
                "A listing (ListObjectsV2, page by page) does not name the files that are there."
            )
        time.sleep(1)


def _signed(place: Place, folder: str) -> str:
    url = presigned_url(place.credentials, place.url(folder + "a.bin"), seconds=60, query={})
    _expect(fetch("GET", url, headers={}), 200, "A signed address does not work")
    forged = url[:-1] + ("0" if url[-1] != "0" else "1")
    if fetch("GET", forged, headers={}).status < 400:
        raise FailedCheckError("The store takes an address with a wrong signature.")
    named = {"response-content-disposition": "attachment; filename*=UTF-8''a%20b.mp4"}
    url = presigned_url(place.credentials, place.url(folder + "a.bin"), seconds=60, query=named)
    answer = fetch("GET", url, headers={"range": "bytes=0-9"})
    _expect(answer, 206, "A part of a file cannot be read by a signed address")
    if "a%20b.mp4" not in answer.header("Content-Disposition"):
        raise FailedCheckError("A signed address cannot say under which name a file is saved.")
    return "signed addresses open files"


def _wrong_key(place: Place, folder: str) -> str:
    wrong = replace(place.credentials, secret_key=secrets.token_hex(20))
    if replace(place, credentials=wrong).ask("GET", folder + "a.bin").status < 400:
        raise FailedCheckError("The store lets anybody read: it took a wrong secret key.")
    if fetch("GET", place.url(folder + "a.bin"), headers={}).status < 400:
        raise FailedCheckError(
            "The store lets anybody read without a key: private videos would be public."
        )
    return "strangers are refused"


def _delete(place: Place, folder: str) -> str:
    _expect(place.ask("DELETE", folder + "a.bin"), 204, "A file cannot be deleted")
    _expect(place.ask("HEAD", folder + "a.bin"), 404, "A deleted file is still there")
    return "files are deleted"


def _expect(answer: Answer, status: int, sentence: str) -> None:
    if answer.status != status:
        raise FailedCheckError(f"{sentence}: the store answers {answer.status} {answer.code}.")


def _unreachable(url: str, error: BaseException) -> str:
    where = "/".join(url.split("/")[:3])
    reason = error.reason if isinstance(error, URLError) else error
    match reason:
        case ssl.SSLCertVerificationError():
            return f"The certificate of {where} is not trusted: {reason.verify_message}."
        case ssl.SSLError():
            return f"{where} does not speak TLS: {reason.reason}."
        case socket.gaierror():
            return f"{where} has a name that DNS does not know."
        case TimeoutError():
            return f"{where} does not answer within {TIMEOUT_SECONDS} seconds."
        case ConnectionRefusedError():
            return f"{where} refuses the connection: nothing listens there, or a firewall is shut."
    return f"{where} cannot be reached: {reason}."


def _text(body: bytes, tag: str) -> str:
    return next(iter(_texts(body, tag)), "")


def _texts(body: bytes, tag: str) -> list[str]:
    try:
        root = ET.fromstring(body)  # noqa: S314 - from the store that the administrator named
    except ET.ParseError:
        return []
    return [each.text or "" for each in root.iter() if each.tag.rpartition("}")[2] == tag]


def report(place: Place, *, make_bucket: bool, say: Callable[[str], None] = print) -> int:
    """Print what was found; gives the exit status."""
    try:
        for found in run(place, make_bucket=make_bucket):
            say(f"ok: {found}")
    except FailedCheckError as error:
        say(f"not ok: {error}")
        return 1
    return 0


def main() -> int:
    """Check every endpoint of the place described on standard input."""
    told = json.load(sys.stdin)
    credentials = Credentials(told["access_key"], told["secret_key"], told["region"])
    status = 0
    for endpoint in told["endpoint"].split():
        place = Place(endpoint.rstrip("/"), told["bucket"], credentials)
        status = status or report(place, make_bucket=bool(told.get("make_bucket")))
    return status


if __name__ == "__main__":
    sys.exit(main())
