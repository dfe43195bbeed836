"""What the tests of signing up share: who signs up, and what she sends."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

Client = TestClient[web.Request, web.Application]
Configure = Callable[..., None]
USERS = "/api/v1/users"
NEW: dict[str, Any] = {
    "username": "dora",
    "password": "long enough",
    "email": "dora@example.org",
}
ASKED = NEW | {"registrationReason": "I make films of hills."}


async def status(client: Client, path: str, body: dict[str, Any], **options: Any) -> int:
    return (await client.post(f"{USERS}{path}", json=body, **options)).status


async def can_log_in(client: Client, name: str = "dora", password: str = "long enough") -> bool:
    local = await (await client.get("/api/v1/oauth-clients/local")).json()
    form = local | {"grant_type": "password", "username": name, "password": password}
    return (await client.post(f"{USERS}/token", data=form)).status == 200
