"""What the tests of users share: their address, and somebody who looks after them."""

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from app.core.auth import Role
from tests.factories import login, make_user

Client = TestClient[web.Request, web.Application]
USERS = "/api/v1/users"


async def log_in(client: Client, role: Role = Role.ADMINISTRATOR, **kind: Any) -> dict[str, str]:
    return await login(client, await make_user(role=role), **kind)
