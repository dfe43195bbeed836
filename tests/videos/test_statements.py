"""How many statements a request takes: a list two at most, a detail three, whoever asks."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.core.pagination import forget_totals
from tests.factories import login, make_user, make_video

Client = TestClient[web.Request, web.Application]
MaxQueries = Callable[[int], AbstractContextManager[Any]]


@pytest.fixture(autouse=True)
def fresh_totals() -> None:
    forget_totals()


async def test_lists(client: Client, max_queries: MaxQueries) -> None:
    owner = await make_user("statements")
    for _ in range(20):
        await make_video(owner)
    with max_queries(2):
        assert (await (await client.get("/api/v1/videos")).json())["total"] == 20
    with max_queries(1):  # a page that is not full tells the total by itself
        assert (await (await client.get("/api/v1/videos?count=50")).json())["total"] == 20
    with max_queries(1):
        await client.get("/api/v1/videos?skipCount=true")
    with max_queries(3):  # and the account itself
        await client.get("/api/v1/accounts/statements/videos?start=5")
    headers = await login(client, owner)
    with max_queries(3):  # and who is asking
        await client.get("/api/v1/users/me/videos", headers=headers)


async def test_details(client: Client, max_queries: MaxQueries) -> None:
    owner = await make_user()
    headers = await login(client, owner)
    public, protected = await make_video(owner), await make_video(owner, password="secret")
    with max_queries(1):
        assert (await client.get(f"/api/v1/videos/{public.uuid}")).status == 200
    with max_queries(2):
        assert (await client.get(f"/api/v1/videos/{public.uuid}", headers=headers)).status == 200
    with max_queries(3):
        assert (await client.get(f"/api/v1/videos/{protected.id}", headers=headers)).status == 200
