"""A small client of the site's REST interface, with nothing but Python's own library."""

import http.client
import json
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from app.config import settings

Json = dict[str, object]


class DemoError(Exception):
    """Why the site could not be filled."""


class Client:
    """One person at the site's REST interface."""

    def __init__(self, token: str) -> None:
        web = settings().web
        self._where = (web.host, web.port)
        self._token = token

    def get(self, path: str) -> Json:
        """What is there."""
        return self._ask("GET", path, b"", "")

    def send(self, method: str, path: str, body: Mapping[str, object]) -> Json:
        """Send JSON."""
        return self._ask(method, path, json.dumps(body).encode(), "application/json")

    def post_form(self, path: str, fields: Mapping[str, object], files: Mapping[str, Path]) -> Json:
        """Send a form with files, as a browser does."""
        boundary = uuid4().hex
        head = f"--{boundary}\r\nContent-Disposition: form-data; "
        parts = [
            f'{head}name="{key}"\r\n\r\n{one}\r\n'.encode()
            for key, value in fields.items()
            for one in (value if isinstance(value, list | tuple) else [value])
        ]
        for name, file in files.items():
            parts.append(f'{head}name="{name}"; filename="{file.name}"\r\n\r\n'.encode())
            parts += [file.read_bytes(), b"\r\n"]
        parts.append(f"--{boundary}--\r\n".encode())
        return self._ask("POST", path, b"".join(parts), f"multipart/form-data; boundary={boundary}")

    def _ask(self, method: str, path: str, body: bytes, kind: str) -> Json:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        while True:
            connection = http.client.HTTPConnection(*self._where, timeout=60)
            try:
                connection.request(method, f"/api/v1{path}", body, headers)
                answer = connection.getresponse()
                text = answer.read()
            finally:
                connection.close()
            if answer.status != http.HTTPStatus.TOO_MANY_REQUESTS:
                break
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise DemoError(f"{method} {path} answered {answer.status}: {text.decode()}")
        found: Json = json.loads(text) if text else {}
        return found
