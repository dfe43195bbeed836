"""A client of a running site: logs in, uploads, watches how far a video is."""

import json
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Upload:
    """A video and when its last byte was sent (monotonic seconds)."""

    id: int
    uuid: str
    sent: float


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who is logged in at a site."""

    url: str
    token: str
    channel: int

    @classmethod
    def log_in(cls, url: str, username: str, password: str) -> "Client":
        """PeerTube's password grant."""
        keys = _ask(f"{url}/api/v1/oauth-clients/local")
        form = keys | {"grant_type": "password", "username": username, "password": password}
        body = urllib.parse.urlencode(form).encode()
        token = _ask(f"{url}/api/v1/users/token", body)["access_token"]
        me = _ask(f"{url}/api/v1/users/me", token=token)
        return cls(url, token, me["videoChannels"][0]["id"])

    def upload(self, film: Path, name: str) -> Upload:
        """Send a film by the resumable protocol in one piece."""
        body = {"channelId": self.channel, "name": name, "privacy": 1, "filename": film.name}
        size = film.stat().st_size
        start = urllib.request.Request(
            f"{self.url}/api/v1/videos/upload-resumable",
            json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-Upload-Content-Length": str(size),
                "X-Upload-Content-Type": "video/mp4",
            },
        )
        with urllib.request.urlopen(start) as answer:
            place = urllib.parse.urljoin(self.url, answer.headers["Location"])
        with film.open("rb") as content:
            piece = urllib.request.Request(
                place,
                content,
                {
                    "Authorization": f"Bearer {self.token}",
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(size),
                    "Content-Range": f"bytes 0-{size - 1}/{size}",
                },
                method="PUT",
            )
            with urllib.request.urlopen(piece) as answer:
                video = json.load(answer)["video"]
        return Upload(video["id"], video["uuid"], time.monotonic())

    def wait_until(self, what: str, upload: Upload) -> float:
        """Seconds from the last byte until `what` (`playable` or `complete`)."""
        while True:
            progress = _ask(f"{self.url}/api/v1/videos/{upload.id}/progress", token=self.token)
            if progress["error"]:
                raise RuntimeError(progress["error"]["detail"])
            if progress[what]:
                return time.monotonic() - upload.sent
            time.sleep(LOOK_SECONDS)


def _ask(url: str, body: bytes | None = None, *, token: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        found: dict[str, Any] = json.load(answer)
        return found
