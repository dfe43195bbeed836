"""Settings for tests that need neither PostgreSQL nor Redis, and an object store."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from moto.server import ThreadedMotoServer

from app.config import settings


class Configure(Protocol):
    """Changes settings for one test: `bare(site__name="Test")`."""

    def __call__(self, **values: object) -> None: ...


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of an S3 server in a thread of this process."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Settings of a site that only has a folder; gives what changes them."""

    def change(**values: object) -> None:
        for name, value in values.items():
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(f"KINORA_{name.upper()}", text)
        settings.cache_clear()

    change(
        storage__root=str(tmp_path / "storage"),
        storage__work=str(tmp_path / "work"),
        site__public_url="http://127.0.0.1:9000",
        rate_limits__enabled="false",
        mail__host="",
    )
    yield change
    monkeypatch.undo()
    settings.cache_clear()
