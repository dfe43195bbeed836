"""Channels: their JSON, who may change them, how many, and what goes with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient
from PIL import Image

from app.accounts.models import SessionKind, User
from app.channels.events import ChannelDeleted
from app.channels.models import Channel
from app.core import events
from app.core.auth import Role
from app.core.jobs import drain
from app.core.storage import storage
from app.videos.models import Video, VideoSource
from tests.contract.peertube import ensure_answers
from tests.factories import channel_of, login, make_channel, make_user, make_video

Client = TestClient[web.Request, web.Application]
CHANNELS = "/api/v1/video-channels"
NEW = {"name": "hills", "displayName": "Hills of Wales"}


async def make_alice(client: Client) -> tuple[User, dict[str, str]]:
    user = await make_user("alice")
    return user, await login(client, user)


async def test_a_channel_is_described_as_peertube_does(client: Client) -> None:
    user, _ = await make_alice(client)
    await Channel.filter(account__user_id=user.id).update(description="Films", support="Tea")

    found = await (await client.get(f"{CHANNELS}/alice_channel")).json()

    ensure_answers("VideoChannel", found)
    assert found["name"] == "alice_channel"
    assert found["url"] == "http://127.0.0.1:9000/video-channels/alice_channel"
    assert found["isLocal"] is True
    assert (found["description"], found["support"]) == ("Films", "Tea")
    assert found["ownerAccount"]["name"] == "alice"
    assert found["avatars"] == found["banners"] == []


@pytest.mark.parametrize(
    ("handle", "status"),
    [
        ("alice_channel", 200),
        ("Alice_Channel@127.0.0.1:9000", 200),
        ("alice_channel@elsewhere.example", 404),
        ("alice", 404),
        ("nobody", 404),
    ],
)
async def test_a_channel_is_found_by_its_handles(client: Client, handle: str, status: int) -> None:
    await make_user("alice")

    assert (await client.get(f"{CHANNELS}/{handle}")).status == status


async def test_channels_are_listed_in_two_statements(
    client: Client, max_queries: Callable[[int], Any]
) -> None:
    for name in ("anna", "bert", "carl"):
        await make_user(name)

    with max_queries(2):
        listed = await (await client.get(f"{CHANNELS}?sort=-name&count=2")).json()

    ensure_answers("VideoChannelList", listed)
    assert listed["total"] == 3
    assert [each["name"] for each in listed["data"]] == ["carl_channel", "bert_channel"]


async def test_a_channel_is_made_changed_and_removed(client: Client) -> None:
    _, headers = await make_alice(client)

    made = await client.post(
        CHANNELS, json=NEW | {"description": "All of them", "support": "Send tea"}, headers=headers
    )
    number = (await made.json())["videoChannel"]["id"]
    changed = await client.put(
        f"{CHANNELS}/hills", json={"displayName": "Hills", "support": None}, headers=headers
    )
    channel = await Channel.get(name="hills")
    removed = await client.delete(f"{CHANNELS}/hills", headers=headers)

    assert (made.status, changed.status, removed.status) == (200, 204, 204)
    assert (channel.id, channel.display_name) == (number, "Hills")
    assert (channel.description, channel.support) == ("All of them", None)
    assert not await Channel.filter(name="hills").exists()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "alice"}, 409),
        ({"name": "ALICE_channel"}, 409),
        ({"name": "PeerTube"}, 409),
        ({"name": "two words"}, 400),
        ({"name": ""}, 400),
        ({"name": "x" * 51}, 400),
        ({"name": "ümlaut"}, 400),
        ({"displayName": ""}, 400),
        ({"displayName": "x" * 121}, 400),
        ({"description": "ab"}, 400),
        ({"description": "x" * 1001}, 400),
        ({"support": "ab"}, 400),
        ({"name": "A-z.0_9:x"}, 200),
        ({"description": None, "support": None}, 200),
    ],
)
async def test_names_and_texts_follow_the_rules(
    client: Client, change: dict[str, Any], status: int
) -> None:
    _, headers = await make_alice(client)

    assert (await client.post(CHANNELS, json=NEW | change, headers=headers)).status == status


async def test_there_is_a_most_of_them(client: Client, configure: Callable[..., None]) -> None:
    configure(users__max_channels=2)
    _, headers = await make_alice(client)

    first = await client.post(CHANNELS, json=NEW, headers=headers)
    second = await client.post(CHANNELS, json=NEW | {"name": "dales"}, headers=headers)

    assert (first.status, second.status) == (200, 400)


async def test_the_last_channel_stays(client: Client) -> None:
    _, headers = await make_alice(client)

    assert (await client.delete(f"{CHANNELS}/alice_channel", headers=headers)).status == 409
    assert await Channel.filter(name="alice_channel").exists()


async def test_only_the_owner_and_those_who_moderate_change_it(client: Client) -> None:
    await make_user("alice")
    other = await login(client, await make_user("bob"))
    moderator = await login(client, await make_user("mona", role=Role.MODERATOR))
    body = {"displayName": "Mine"}

    for headers, status in (({}, 401), (other, 403), (moderator, 204)):
        answer = await client.put(f"{CHANNELS}/alice_channel", json=body, headers=headers)
        assert answer.status == status
    for method, path in (
        ("DELETE", ""),
        ("DELETE", "/avatar"),
        ("DELETE", "/banner"),
    ):
        answer = await client.request(method, f"{CHANNELS}/alice_channel{path}", headers=other)
        assert answer.status == 403
    assert (await client.put(f"{CHANNELS}/nobody", json=body, headers=other)).status == 404


async def test_a_support_text_goes_to_all_videos_where_that_is_asked(client: Client) -> None:
    user, headers = await make_alice(client)
    video = await make_video(user, support="Old")
    path = f"{CHANNELS}/alice_channel"

    await client.put(path, json={"support": "Send tea"}, headers=headers)
    before = (await Video.get(id=video.id)).support
    await client.put(
        path, json={"support": "Send cake", "bulkVideosSupportUpdate": True}, headers=headers
    )

    assert before == "Old"
    assert (await Video.get(id=video.id)).support == "Send cake"


async def test_removing_a_channel_says_so_before_its_videos_are_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[ChannelDeleted, int]] = []

    async def hear(event: ChannelDeleted) -> None:
        seen.append((event, await Video.filter(channel_id=event.channel_id).count()))

    known = events._subscribers[ChannelDeleted]
    monkeypatch.setitem(events._subscribers, ChannelDeleted, [hear, *known])
    user, headers = await make_alice(client)
    channel = await make_channel(user, name="hills")
    video = await make_video(channel)

    answer = await client.delete(f"{CHANNELS}/hills", headers=headers)

    assert answer.status == 204
    assert seen == [(ChannelDeleted(channel.id, channel.account_id), 1)]
    assert not await Video.filter(id=video.id).exists()


async def test_the_files_of_its_videos_go_with_a_channel(client: Client) -> None:
    user, headers = await make_alice(client)
    channel = await make_channel(user, name="hills")
    video = await make_video(
        channel, thumbnails=[{"width": 280, "height": 157, "filename": "h.jpg"}]
    )
    source = f"originals/{video.uuid}/a.mp4"
    await VideoSource.create(video=video, filename="a.mp4", key=source, size=3)
    keys = [source, f"hls/{video.uuid}/master.m3u8", "thumbnails/h.jpg"]
    for key in keys:
        await storage().put_bytes(key, b"abc")

    await client.delete(f"{CHANNELS}/hills", headers=headers)
    await drain()

    assert not any([await storage().exists(key) for key in keys])


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("avatar", [(48, 48), (120, 120), (600, 600), (1500, 1500)]),
        ("banner", [(600, 100), (1920, 317)]),
    ],
)
async def test_pictures_are_kept_in_sizes_and_go_with_the_channel(
    client: Client, tmp_path: Path, kind: str, sizes: list[tuple[int, int]]
) -> None:
    user, headers = await make_alice(client)
    await make_channel(user, name="hills")
    Image.new("RGB", (2000, 900), (10, 120, 40)).save(tmp_path / "a.png")
    form = FormData()
    form.add_field(f"{kind}file", (tmp_path / "a.png").read_bytes(), filename="a.png")

    answer = await client.post(f"{CHANNELS}/hills/{kind}/pick", data=form, headers=headers)
    stored = await answer.json()
    kept = {f"{kind}s/{each['path'].rpartition('/')[2]}" for each in stored[f"{kind}s"]}
    were_kept = [await storage().exists(key) for key in kept]
    await client.delete(f"{CHANNELS}/hills", headers=headers)
    await drain()

    assert answer.status == 200
    assert [(each["width"], each["height"]) for each in stored[f"{kind}s"]] == sizes
    assert were_kept == [True] * len(sizes)
    assert not any([await storage().exists(key) for key in kept])


async def test_channels_are_looked_after_on_pages(client: Client, tmp_path: Path) -> None:
    user = await make_user("alice")
    headers = await login(client, user, kind=SessionKind.COOKIE) | {"Sec-Fetch-Site": "same-origin"}

    async def post(path: str, **form: str) -> tuple[int, str]:
        answer = await client.post(path, data=form, headers=headers, allow_redirects=False)
        return answer.status, await answer.text()

    async def get(path: str) -> tuple[int, str]:
        answer = await client.get(path, headers=headers)
        return answer.status, await answer.text()

    form = await get("/my/channels/new")
    made = await post("/my/channels/new", name="hills", display_name="Hills")
    taken = await post("/my/channels/new", name="hills", display_name="Hills")
    listed = await get("/my/channels")
    edit = await get("/my/channels/hills")
    changed = await post("/my/channels/hills", display_name="All hills", description="Films")
    wrong = await post("/my/channels/hills", display_name="", description="Films")
    Image.new("RGB", (700, 500), (10, 120, 40)).save(tmp_path / "a.png")
    upload = FormData()
    upload.add_field("avatarfile", (tmp_path / "a.png").read_bytes(), filename="a.png")
    pictured = await client.post(
        "/my/channels/hills/avatar", data=upload, headers=headers, allow_redirects=False
    )
    has_picture = bool((await Channel.get(name="hills")).avatars)
    without = await post("/my/channels/hills/avatar/delete")
    asked = await get("/my/channels/hills/delete")
    channel = await Channel.get(name="hills")
    removed = await post("/my/channels/hills/delete")
    last = await post("/my/channels/alice_channel/delete")

    assert (form[0], listed[0], edit[0], asked[0]) == (200, 200, 200, 200)
    assert [each[0] for each in (made, changed, without, removed)] == [303] * 4
    assert (taken[0], wrong[0], last[0]) == (409, 400, 409)
    assert "is taken here" in taken[1]
    assert "/my/channels/hills" in listed[1]
    assert pictured.status == 303
    assert has_picture
    assert channel.avatars == []
    assert (channel.display_name, channel.description) == ("All hills", "Films")
    assert not await Channel.filter(name="hills").exists()
    assert "cannot be removed" in last[1]


async def test_a_bad_picture_on_a_page_gives_the_form_again(client: Client) -> None:
    user = await make_user("alice")
    headers = await login(client, user, kind=SessionKind.COOKIE) | {"Sec-Fetch-Site": "same-origin"}

    for field in ("avatar", "banner"):
        for content in (b"no picture", None):
            form = FormData(default_to_multipart=True)
            if content is not None:
                form.add_field(f"{field}file", content, filename="a.png")
            else:
                form.add_field("other", "x")
            answer = await client.post(
                f"/my/channels/alice_channel/{field}", data=form, headers=headers
            )
            assert answer.status == 400
            assert 'class="error"' in await answer.text()
    assert (await channel_of(user)).avatars == []
