"""What a person does with a deployed site, over https: `Site` is asked as a client program would.

The site's name is looked up here and nowhere else, and its certificate is checked against the
authority that is given: the laboratory has a DNS and a certificate authority of its own.
"""

import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

CHUNK = 256 * 1024
Answer = tuple[int, dict[str, str], bytes]


class UnusableError(Exception):
    """What a person could not do."""


@dataclass(slots=True)
class Site:
    """A site as one person sees it."""

    domain: str
    address: str
    authority: Path
    token: str = ""
    _context: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        """Trust this authority only."""
        self._context = ssl.create_default_context(cafile=str(self.authority))

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        plain: bool = False,
        **headers: str,
    ) -> Answer:
        """One request; `plain` speaks http. Gives status, headers in small letters, and body.

        Who is told to come back later does so.
        """
        while True:
            status, received, text = self._ask(method, target, body, headers, plain=plain)
            if status != http.HTTPStatus.TOO_MANY_REQUESTS:
                return status, received, text
            time.sleep(float(received.get("retry-after", "1")))

    def _ask(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        plain: bool,
    ) -> Answer:
        parts = urlsplit(target)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection = self._connection(plain=plain)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            told["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, path, body, told)
            answer = connection.getresponse()
            received = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, received, answer.read()
        finally:
            connection.close()

    def _connection(self, *, plain: bool) -> http.client.HTTPConnection:
        if plain:
            connection = http.client.HTTPConnection(self.domain, timeout=60)
            connection.sock = socket.create_connection((self.address, 80), 60)
            return connection
        secure = http.client.HTTPSConnection(self.domain, timeout=60, context=self._context)
        raw = socket.create_connection((self.address, 443), 60)
        secure.sock = self._context.wrap_socket(raw, server_hostname=self.domain)
        return secure

    def certificate(self) -> bytes:
        """What the site shows, once it was found to be good."""
        with (
            socket.create_connection((self.address, 443), 60) as raw,
            self._context.wrap_socket(raw, server_hostname=self.domain) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The decoded JSON of an answer. Raises UnusableError when it is an error."""
        data = None if body is None else json.dumps(body).encode()
        kind = "application/json"
        status, _, text = self.ask(method, f"/api/v1{path}", data, Content_Type=kind)
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise UnusableError(f"{method} {path} answered {status}: {text.decode()[:500]}")
        return json.loads(text) if text else None

    def register(self, username: str, password: str) -> None:
        """Make an account."""
        email = f"{username}@example.org"
        new = {"username": username, "password": password, "email": email}
        self.call("POST", "/users/register", new)

    def login(self, username: str, password: str) -> None:
        """Log in, as PeerTube's clients do."""
        client = self.call("GET", "/oauth-clients/local")
        form = {**client, "grant_type": "password", "username": username, "password": password}
        status, _, text = self.ask(
            "POST", "/api/v1/users/token", urlencode(form).encode(),
            Content_Type="application/x-www-form-urlencoded",
        )  # fmt: skip
        if status != http.HTTPStatus.OK:
            raise UnusableError(f"{username} could not log in: {status} {text.decode()[:300]}")
        self.token = json.loads(text)["access_token"]

    def upload(self, film: Path, name: str, between: Callable[[], None] | None = None) -> str:
        """Upload a film in chunks, sending again what was cut off; gives the video's uuid."""
        channel = self.call("GET", "/users/me")["videoChannels"][0]["id"]
        size = film.stat().st_size
        told = {"name": name, "channelId": channel, "privacy": 1, "filename": film.name}
        status, headers, text = self.ask(
            "POST", "/api/v1/videos/upload-resumable", json.dumps(told).encode(),
            Content_Type="application/json", X_Upload_Content_Length=str(size),
            X_Upload_Content_Type="video/x-msvideo",
        )  # fmt: skip
        if status != http.HTTPStatus.CREATED:
            raise UnusableError(f"the upload was refused: {status} {text.decode()[:300]}")
        where, content, sent = headers["location"], film.read_bytes(), 0
        while True:
            part = content[sent : sent + CHUNK]
            place = f"bytes {sent}-{sent + len(part) - 1}/{size}"
            try:
                status, headers, text = self.ask("PUT", where, part, Content_Range=place)
            except (OSError, http.client.HTTPException):  # cut off: the server knows how far it got
                time.sleep(0.5)
                status, headers, text = self.ask("PUT", where, b"", Content_Range=f"bytes */{size}")
            if status == http.HTTPStatus.OK:
                return str(json.loads(text)["video"]["uuid"])
            if status != http.HTTPStatus.PERMANENT_REDIRECT:
                raise UnusableError(f"a chunk was refused: {status} {text.decode()[:300]}")
            sent = int(headers["range"].rpartition("-")[2]) + 1 if "range" in headers else 0
            if between is not None:
                between()

    def wait_for(self, uuid: str, *, renditions: int, seconds: float) -> dict[str, Any]:
        """Wait until a video plays in so many renditions; gives it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            video: dict[str, Any] = self.call("GET", f"/videos/{uuid}")
            playlists = video["streamingPlaylists"]
            if playlists and len(playlists[0]["files"]) >= renditions:
                return video
            time.sleep(0.5)
        raise UnusableError(f"video {uuid} did not come in {seconds:.0f} s: {video['state']}")


def make_film(path: Path, *, seconds: int = 8, codec: str = "mpeg4") -> Path:
    """A film with sound that no browser can play as it is."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={seconds}",
         "-f", "lavfi", "-i", f"sine=440:d={seconds}", "-c:v", codec, "-b:v", "900k", "-c:a", "mp2",
         "-shortest", path],
        check=True,
    )  # fmt: skip
    return path
