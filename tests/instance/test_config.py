"""What clients ask before anything else."""

from collections.abc import Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.core.pagination import forget_totals
from app.videos.models import Privacy
from tests.contract.peertube import ensure_answers
from tests.factories import make_user, make_video

Client = TestClient[web.Request, web.Application]


async def test_the_configuration_is_peertubes(client: Client) -> None:
    answer = await (await client.get("/api/v1/config")).json()
    ensure_answers("ServerConfig", answer | {"serverCommit": ""})
    assert answer["serverVersion"].startswith("8.")
    assert ".mp4" in answer["video"]["file"]["extensions"]
    assert answer["transcoding"]["hls"]["enabled"] is True
    assert answer["user"]["videoQuota"] == -1


@pytest.mark.parametrize(
    ("mode", "allowed", "approval"),
    [("open", True, False), ("approval", True, True), ("closed", False, False)],
)
async def test_it_tells_who_may_sign_up(
    configure: Callable[..., None],
    client: Client,
    mode: str,
    allowed: bool,
    approval: bool,
) -> None:
    configure(signup__mode=mode)
    signup = (await (await client.get("/api/v1/config")).json())["signup"]
    assert (signup["allowed"], signup["requiresApproval"]) == (allowed, approval)


async def test_a_full_site_takes_nobody(configure: Callable[..., None], client: Client) -> None:
    configure(signup__mode="open", signup__limit=1)
    await make_user()
    answer = await (await client.get("/api/v1/config")).json()
    assert answer["signup"]["allowed"] is False


async def test_about(client: Client) -> None:
    answer = await (await client.get("/api/v1/config/about")).json()
    ensure_answers("ServerConfigAbout", answer)
    assert answer["instance"]["name"] == "Kinora"


async def test_numbers(client: Client) -> None:
    forget_totals()
    owner = await make_user()
    await make_video(owner, views=7)
    await make_video(owner, privacy=Privacy.PRIVATE, views=2)
    answer = await (await client.get("/api/v1/server/stats")).json()
    ensure_answers("ServerStats", answer)
    assert answer == {
        "totalUsers": 1,
        "totalVideos": 1,
        "totalLocalVideos": 1,
        "totalLocalVideoViews": 9,
        "totalLocalVideoFilesSize": 0,
        "totalLocalVideoChannels": 1,
    }
