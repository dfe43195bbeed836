"""The whole site held to its own OpenAPI document.

Made-up requests of every operation, from nobody, from a user and from an administrator, never make
it fail, and its answers look as the document says.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import pytest
import requests
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from app.core.auth import Role
from app.core.openapi import openapi
from app.main import APIS, build_app
from app.videos.models import Privacy
from tests.conftest import empty_tables
from tests.factories import login, make_user, make_video

T = TypeVar("T")

#: Requests of each operation by each asker; with ninety operations this takes about half a minute.
EXAMPLES = 6
DOCUMENT = openapi([endpoint for api in APIS for endpoint in api.endpoints])
OPERATIONS = {
    f"{operation.method.upper()} {operation.path}": operation
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if (operation := found.ok()) is not None  # type: ignore[union-attr]
}
CHECKS = [content_type_conformance, response_schema_conformance]
PROBLEM = {"type", "title", "detail", "status", "requestId"}


@dataclass(frozen=True)
class Asker:
    """Who asks, and the parts of paths that lead to something."""

    headers: dict[str, str]
    known: dict[str, object]


class Site:
    """The site in a thread of its own: schemathesis asks with blocking calls."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.url = ""
        self._thread = threading.Thread(target=self.loop.run_forever)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine beside the site, with its database."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=60)

    def __enter__(self) -> Self:
        self._thread.start()
        self._runner = web.AppRunner(build_app())
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._runner.cleanup())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _start(self) -> None:
        await self._runner.setup()
        listening = web.TCPSite(self._runner, "127.0.0.1", 0)
        await listening.start()
        host, port = self._runner.addresses[0]
        self.url = f"http://{host}:{port}"

    async def enter(self, role: Role | None) -> Asker:
        """A new person of this role with a video, so that there is something to find."""
        user = await make_user(role=role or Role.USER)
        video = await make_video(user, privacy=Privacy.PUBLIC)
        headers = await login(None, user) if role is not None else {}
        known = {"user_id": user.id, "handle": user.username, "id": video.id, "uuid": video.uuid}
        return Asker(headers, known)


@pytest.fixture(scope="module")
def site(settings_env: dict[str, str]) -> Iterator[Site]:
    with Site() as found:
        yield found
    asyncio.run(empty_tables(settings_env["KINORA_DATABASE__URL"]))


@pytest.mark.parametrize("role", [None, Role.USER, Role.ADMINISTRATOR], ids=str)
@pytest.mark.parametrize("name", OPERATIONS)
def test_made_up_requests(site: Site, name: str, role: Role | None) -> None:
    asker = site.run(site.enter(role))

    @hypothesis_settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[name].as_strategy(), exists=st.booleans())
    def ask(case: "schemathesis.Case[Any]", exists: bool) -> None:
        if exists:
            known = {
                part: asker.known.get(part, made) for part, made in case.path_parameters.items()
            }
            if name.split("/")[3] == "video-channels" and "handle" in known:
                known["handle"] = f"{known['handle']}_channel"
            case.path_parameters.update(known)
        answer = case.call(base_url=site.url, headers=asker.headers)
        assert answer.status_code < 500, case.as_curl_command()
        assert "X-Request-Id".lower() in answer.headers
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]
            assert answer.json().keys() >= PROBLEM
        case.validate_response(answer, checks=CHECKS)

    ask()


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_a_method_that_is_not_there(site: Site, path: str) -> None:
    answer = requests.request(
        "PROPFIND", site.url + path.replace("{", "").replace("}", ""), timeout=60
    )
    assert answer.status_code == 405
    assert answer.json().keys() >= PROBLEM
