"""A site of a few handlers with the real middlewares, without a database."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Literal

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.core.api import Api
from app.core.auth import IDENTIFY, Actor, Role
from app.core.pages import Pages
from app.core.security import add_headers
from app.main import MIDDLEWARES

Client = TestClient[web.Request, web.Application]


def actor(role: Role = Role.USER, *, language: str | None = None) -> Actor:
    """Somebody who is logged in."""
    return Actor(
        user_id=7,
        account_id=8,
        username="ada",
        display_name="Ada",
        role=role,
        session_id=9,
        kind="bearer",
        preferences={"language": language} if language else {},
    )


#: Tokens that the small site knows.
ACTORS: Mapping[str, Actor] = {
    "user": actor(),
    "moderator": actor(Role.MODERATOR),
    "administrator": actor(Role.ADMINISTRATOR),
    "german": actor(language="de"),
}


async def _identify(token: str, kind: Literal["cookie", "bearer"]) -> Actor | None:
    return ACTORS.get(token)


def bearer(token: str) -> dict[str, str]:
    """The header of a client that is logged in."""
    return {"Authorization": f"Bearer {token}"}


def small_app(*parts: Api | Pages | web.RouteDef) -> web.Application:
    """An application of these parts."""
    app = web.Application(middlewares=MIDDLEWARES)
    app.on_response_prepare.append(add_headers)
    app[IDENTIFY] = _identify
    for part in parts:
        app.add_routes([part] if isinstance(part, web.RouteDef) else part.routes())
    return app


@contextlib.asynccontextmanager
async def serving(*parts: Api | Pages | web.RouteDef) -> AsyncIterator[Client]:
    """A client of an application of these parts."""
    async with TestClient(TestServer(small_app(*parts))) as client:
        yield client
