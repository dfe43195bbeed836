"""The public pages of channels and accounts."""

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.accounts.models import Account, SessionKind
from app.channels.models import Channel
from app.videos.models import Privacy
from tests.factories import channel_of, login, make_channel, make_user, make_video

Client = TestClient[web.Request, web.Application]


async def test_a_channel_shows_itself_and_its_videos(client: Client) -> None:
    user = await make_user("alice", display_name="Alice L.")
    await Channel.filter(name="alice_channel").update(
        display_name="Hills of Wales", description="All **hills** <script>x</script>"
    )
    await make_video(user, name="Snowdon")
    await make_video(user, name="Not yet", privacy=Privacy.PRIVATE)
    await make_video(name="Elsewhere")

    answer = await client.get("/c/alice_channel")
    page = await answer.text()

    assert answer.status == 200
    assert "<h1>Hills of Wales</h1>" in page
    assert "<strong>hills</strong>" in page
    assert "<script>x" not in page
    assert "Snowdon" in page
    assert "Not yet" not in page
    assert "Elsewhere" not in page
    assert 'href="/a/alice"' in page
    assert "/my/channels/alice_channel" not in page


async def test_an_account_shows_its_channels_and_videos(client: Client) -> None:
    user = await make_user("alice", display_name="Alice L.")
    hills = await make_channel(user, name="hills", display_name="Hills of Wales")
    await make_video(user, name="Snowdon")
    await make_video(hills, name="Tryfan")

    page = await (await client.get("/a/alice")).text()

    assert "<h1>Alice L.</h1>" in page
    assert 'href="/c/hills"' in page
    assert "Snowdon" in page
    assert "Tryfan" in page


async def test_the_owner_finds_the_way_to_change_it(client: Client) -> None:
    user = await make_user("alice")
    headers = await login(client, user, kind=SessionKind.COOKIE)

    channel = await (await client.get("/c/alice_channel", headers=headers)).text()
    account = await (await client.get("/a/alice", headers=headers)).text()

    assert 'href="/my/channels/alice_channel"' in channel
    assert 'href="/settings"' in account


async def test_a_long_list_goes_on(client: Client) -> None:
    user = await make_user("alice")
    channel = await channel_of(user)
    for number in range(26):
        await make_video(channel, name=f"Hill {number:02}.")

    for path in ("/c/alice_channel", "/a/alice"):
        first = await (await client.get(path)).text()
        rest = await (await client.get(f"{path}?start=24")).text()
        part = await (await client.get(f"{path}?start=24", headers={"HX-Request": "true"})).text()

        assert f'href="{path}?start=24"' in first
        assert "Hill 25." in first
        assert "Hill 01." not in first
        assert "Hill 01." in rest
        assert "Hill 01." in part
        assert "<html" not in part


@pytest.mark.parametrize("path", ["/c/nobody", "/a/nobody", "/a/alice_channel", "/c/alice"])
async def test_what_is_not_there_is_a_page_that_says_so(client: Client, path: str) -> None:
    await make_user("alice")

    answer = await client.get(path)

    assert answer.status == 404
    assert "<h1>" in await answer.text()


async def test_what_a_blocked_user_made_stays(client: Client) -> None:
    await make_user("alice", blocked=True)

    assert (await client.get("/a/alice")).status == 200
    assert (await client.get("/c/alice_channel")).status == 200


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/video-channels/alice_channel", "/c/alice_channel"),
        ("/video-channels/alice_channel/videos?start=24", "/c/alice_channel?start=24"),
        ("/c/alice_channel/videos", "/c/alice_channel"),
        ("/accounts/alice", "/a/alice"),
        ("/accounts/alice@127.0.0.1:9000", "/a/alice@127.0.0.1%3A9000"),
        ("/a/alice/video-channels", "/a/alice"),
    ],
)
async def test_peertubes_other_addresses_lead_here(client: Client, path: str, target: str) -> None:
    await make_user("alice")

    answer = await client.get(path, allow_redirects=False)

    assert (answer.status, answer.headers["Location"]) == (302, target)
    assert (await client.get(path)).status == 200


async def test_pages_take_few_statements(client: Client, max_queries: Callable[[int], Any]) -> None:
    user = await make_user("alice")
    for number in range(8):
        await make_channel(user, name=f"c{number}")
        await make_video(user)

    with max_queries(2):
        await client.get("/c/alice_channel")
    with max_queries(3):
        await client.get("/a/alice")


async def test_an_account_of_nobody_here_is_shown(client: Client) -> None:
    await Account.create(name="far", host="elsewhere.example", display_name="Far away")

    page = await (await client.get("/a/far@elsewhere.example")).text()

    assert "@far@elsewhere.example" in page
