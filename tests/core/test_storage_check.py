"""What the check of an object store says."""

import io
import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from app.__main__ import main
from app.core import storage_check
from app.core.s3_signature import Credentials
from app.core.storage_check import Answer, FailedCheckError, Place
from tests.core.conftest import Configure

CREDENTIALS = Credentials("access", "secret", "us-east-1")


class Told(BaseHTTPRequestHandler):
    """A store that answers everything alike."""

    status, body = 200, b""

    def answer(self) -> None:
        """One answer."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - their names there

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        """Silence."""


@pytest.fixture
def told() -> Iterator[tuple[type[Told], Place]]:
    class Own(Told):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Own, Place(f"http://127.0.0.1:{server.server_port}", "kinora", CREDENTIALS)
        server.shutdown()


def problem(place: Place) -> str:
    said: list[str] = []
    assert storage_check.report(place, make_bucket=False, say=said.append) == 1
    return said[-1]


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (404, "NoSuchBucket", "There is no bucket kinora"),
        (403, "InvalidAccessKeyId", "does not know the access key"),
        (403, "SignatureDoesNotMatch", "the secret key is wrong"),
        (403, "RequestTimeTooSkewed", "clock is wrong"),
        (403, "Odd", "it says Odd"),
        (301, "PermanentRedirect", "sends us elsewhere"),
        (500, "InternalError", "does not speak S3: the store answers 500"),
    ],
)
def test_a_refusal_is_one_sentence(
    told: tuple[type[Told], Place], status: int, code: str, sentence: str
) -> None:
    own, place = told
    own.status, own.body = status, f"<Error><Code>{code}</Code></Error>".encode()
    assert sentence in problem(place)


def test_a_store_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "nothing listens" in problem(Place(f"http://127.0.0.1:{port}", "kinora", CREDENTIALS))
    assert "DNS does not know" in problem(Place("http://none.invalid", "kinora", CREDENTIALS))
    assert "no address of a store" in problem(Place("store.example", "kinora", CREDENTIALS))


def test_no_tls_where_it_was_asked_for(told: tuple[type[Told], Place]) -> None:
    _, place = told
    there = Place(place.endpoint.replace("http:", "https:"), "kinora", CREDENTIALS)
    assert "does not speak TLS" in problem(there)


def test_a_store_without_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(*_: object, **__: object) -> Answer:
        return Answer(200, {}, b"x" * 1000)

    monkeypatch.setattr(storage_check, "fetch", whole)
    with pytest.raises(FailedCheckError, match="200 instead of 206"):
        storage_check._ranges(Place("http://s3.example", "kinora", CREDENTIALS), "check/")


def test_a_store_that_lets_anybody_in_is_refused(
    moto: str, bare: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    """moto looks at no signature; everything before that is right."""
    told = {"endpoint": moto, "bucket": "checked", "region": "us-east-1", "make_bucket": True}
    monkey = pytest.MonkeyPatch()
    monkey.setattr(
        "sys.stdin", io.StringIO(json.dumps(told | {"access_key": "a", "secret_key": "b"}))
    )
    assert storage_check.main() == 1
    monkey.undo()
    said = capsys.readouterr().out
    assert "ok: files are listed" in said
    assert "not ok: The store takes an address with a wrong signature." in said
    bare(storage__backend="s3", storage__s3_endpoint=moto, storage__s3_bucket="nowhere")
    assert main(["storage", "check"]) == 1
    assert "There is no bucket nowhere" in capsys.readouterr().out
