"""Changes over REST: what was sent changes, what was not stays, what is wrong is named."""

import io
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient
from PIL import Image

from app.channels.models import Channel
from app.core.jobs import drain
from app.core.storage import storage
from app.videos.models import Privacy, Rendition, Video, VideoPassword, VideoSource
from tests.contract.peertube import ensure_answers
from tests.factories import channel_of, login, make_channel, make_user, make_video

Client = TestClient[web.Request, web.Application]


async def change(client: Client, video: Video, owner: Any, **changes: object) -> Any:
    return await client.put(
        f"/api/v1/videos/{video.uuid}", json=changes, headers=await login(client, owner)
    )


async def test_what_was_sent_changes_and_the_rest_stays(client: Client) -> None:
    owner = await make_user()
    video = await make_video(owner, description="Old", language="en", category=1, tags=["one"])
    answer = await change(
        client,
        video,
        owner,
        name="  New name ",
        category=None,
        tags=["two", "two", "three"],
        nsfw=True,
        commentsPolicy=2,
        originallyPublishedAt="2001-02-03T04:05:06.000Z",
        somethingUnknown=1,
    )
    assert answer.status == 204
    await video.refresh_from_db()
    assert (video.name, video.description, video.language) == ("New name", "Old", "en")
    assert (video.category, video.tags, video.nsfw) == (None, ["two", "three"], True)
    assert video.comments_policy == 2
    assert video.originally_published_at is not None
    assert video.originally_published_at.year == 2001


async def test_a_multipart_form_does_the_same(client: Client) -> None:
    owner = await make_user()
    video = await make_video(owner, support="Old", category=3)
    form = FormData(
        [
            ("name", "From a form"),
            ("tags[]", "one"),
            ("tags[]", "two"),
            ("nsfw", "false"),
            ("category", ""),
            ("privacy", "2"),
        ],
        default_to_multipart=True,
    )
    answer = await client.put(
        f"/api/v1/videos/{video.id}", data=form, headers=await login(client, owner)
    )
    assert answer.status == 204, await answer.text()
    await video.refresh_from_db()
    assert (video.name, video.tags, video.privacy) == ("From a form", ["one", "two"], 2)
    assert (video.support, video.category) == ("Old", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "ab"),
        ("name", "x" * 121),
        ("name", "   a   "),
        ("category", 999),
        ("licence", 0),
        ("language", "klingonese"),
        ("privacy", 6),
        ("tags", ["a"]),
        ("tags", ["one", "two", "three", "four", "five", "six"]),
        ("tags", "not a list"),
        ("description", "x" * 10_001),
        ("originallyPublishedAt", "0001-01-01T00:00:00+14:00"),
        ("originallyPublishedAt", "soon"),
        ("nsfwFlags", 64),
        ("commentsPolicy", 7),
        ("channelId", 2**70),
        ("channelId", 0),
        ("videoPasswords", ["x"]),
    ],
)
async def test_what_is_wrong_is_named(client: Client, field: str, value: object) -> None:
    owner = await make_user()
    video = await make_video(owner)
    answer = await change(client, video, owner, **{field: value})
    assert answer.status == 400
    problem = await answer.json()
    assert [name.partition(".")[0] for name in problem["invalid-params"]] == [field]


async def test_a_video_moves_to_another_channel_of_its_owner_only(client: Client) -> None:
    owner = await make_user()
    video = await make_video(owner)
    second = await make_channel(owner)
    assert (await change(client, video, owner, channelId=second.id)).status == 204
    foreign: Channel = await make_channel()
    assert (await change(client, video, owner, channelId=foreign.id)).status == 400
    await video.refresh_from_db()
    assert video.channel_id == second.id


async def test_a_password_protected_video_has_passwords(client: Client) -> None:
    owner = await make_user()
    video = await make_video(owner)
    assert (await change(client, video, owner, privacy=5)).status == 400
    assert (await change(client, video, owner, privacy=5, videoPasswords=[])).status == 400
    protected = await change(client, video, owner, privacy=5, videoPasswords=["one", "two", "one"])
    assert protected.status == 204
    assert (await change(client, video, owner, name="Kept")).status == 204
    assert [each.password for each in await VideoPassword.filter(video=video)] == ["one", "two"]
    assert (await change(client, video, owner, privacy=1)).status == 204
    assert await VideoPassword.filter(video=video).count() == 0


async def test_passwords(client: Client) -> None:
    owner = await make_user()
    video = await make_video(owner, password="first")
    headers, url = await login(client, owner), f"/api/v1/videos/{video.uuid}/passwords"
    assert (await client.post(url, json={"password": "second"}, headers=headers)).status == 204
    answer = await client.get(url, headers=headers)
    listed = await answer.json()
    ensure_answers("VideoPasswordList", listed)
    assert [each["password"] for each in listed["data"]] == ["first", "second"]
    page = await (await client.get(url, params={"start": 1, "count": 1}, headers=headers)).json()
    assert (page["total"], len(page["data"])) == (2, 1)
    first = listed["data"][0]["id"]
    assert (await client.delete(f"{url}/{first}", headers=headers)).status == 204
    assert (await client.delete(f"{url}/{first}", headers=headers)).status == 400
    assert (await client.put(url, json={"passwords": []}, headers=headers)).status == 400
    replaced = await client.put(url, json={"passwords": ["third", "fourth"]}, headers=headers)
    assert replaced.status == 204
    assert (await client.delete(f"{url}/{first}", headers=headers)).status == 404
    assert {each.password for each in await VideoPassword.all()} == {"third", "fourth"}


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_passwords_are_their_owner_s(client: Client, method: str) -> None:
    owner = await make_user()
    protected = await make_video(owner, password="first")
    public = await make_video(owner)
    body = {"password": "second", "passwords": ["second"]}

    async def status(video: Video, headers: dict[str, str]) -> int:
        answer = await client.request(
            method,
            f"/api/v1/videos/{video.uuid}/passwords",
            json=None if method == "GET" else body,
            headers=headers,
        )
        return answer.status

    assert await status(protected, {}) == 401
    assert await status(protected, await login(client, await make_user())) == 403
    assert await status(public, await login(client, owner)) == 400


async def test_deletion_leaves_no_row_and_no_file(client: Client) -> None:
    owner = await make_user()
    video = await make_video(
        owner,
        privacy=Privacy.PRIVATE,
        thumbnails=[{"width": 280, "height": 157, "filename": f"{owner.username}.jpg"}],
        storyboard={"filename": f"{owner.username}-board.jpg"},
    )
    kept = await make_video(owner)
    store = storage()
    mine = [
        f"hls/{video.uuid}/v.mp4",
        f"hls/{video.uuid}/m.m3u8",
        f"originals/{video.uuid}/o.mp4",
        f"thumbnails/{owner.username}.jpg",
        f"storyboards/{owner.username}-board.jpg",
    ]
    for key in (*mine, f"hls/{kept.uuid}/v.mp4"):
        await store.put_bytes(key, b"bytes")
    answer = await client.delete(f"/api/v1/videos/{video.uuid}", headers=await login(client, owner))
    assert answer.status == 204
    assert (await client.get(f"/api/v1/videos/{video.uuid}")).status == 404
    await drain()
    assert [key for key in mine if await store.exists(key)] == []
    assert await store.exists(f"hls/{kept.uuid}/v.mp4")
    assert [each.id for each in await Video.all()] == [kept.id]
    await store.delete_prefix(f"hls/{kept.uuid}/")


async def test_lists_of_a_channel_and_an_account(client: Client) -> None:
    owner = await make_user("lista")
    await make_video(owner, name="Listed")
    channel = await channel_of(owner)
    for url in ("/api/v1/accounts/lista/videos", f"/api/v1/video-channels/{channel.name}/videos"):
        answer = await (await client.get(url)).json()
        assert [video["name"] for video in answer["data"]] == ["Listed"]
    for url in ("/api/v1/accounts/nobody/videos", "/api/v1/video-channels/nobody/videos"):
        assert (await client.get(url)).status == 404
    mine = await client.get("/api/v1/users/me/videos", headers=await login(client, owner))
    assert (await mine.json())["total"] == 1
    assert (await client.get("/api/v1/users/me/videos")).status == 401


async def test_a_total_may_be_left_out(client: Client) -> None:
    await make_video()
    answer = await (await client.get("/api/v1/videos?skipCount=true")).json()
    assert set(answer) == {"data"}


@pytest.mark.parametrize(
    ("name", "key", "label", "length"),
    [
        ("categories", "15", "Science & Technology", 18),
        ("licences", "7", "Public Domain Dedication", 9),
        ("privacies", "5", "Password protected", 5),
        ("languages", "fr", "French", None),
    ],
)
async def test_fixed_lists(
    client: Client, name: str, key: str, label: str, length: int | None
) -> None:
    answer = await (await client.get(f"/api/v1/videos/{name}")).json()
    assert answer[key] == label
    assert length is None or len(answer) == length


async def test_a_slash_at_the_end_makes_no_difference(client: Client) -> None:
    video = await make_video()
    for path in ("videos", "videos/categories", f"videos/{video.uuid}", "config"):
        assert (await client.get(f"/api/v1/{path}/")).status == 200


@pytest.mark.parametrize("reference", ["0", "99999999999999999999", "x", "%00", "-1", "1" * 36])
async def test_what_is_no_video_is_not_found(client: Client, reference: str) -> None:
    assert (await client.get(f"/api/v1/videos/{reference}")).status in {400, 404}


def picture(width: int, height: int) -> bytes:
    """A JPEG of one colour."""
    data = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(data, "JPEG")
    return data.getvalue()


async def test_a_picture_of_one_s_own(client: Client) -> None:
    owner = await make_user()
    video = await make_video(
        owner, thumbnails=[{"width": 280, "height": 157, "filename": f"{owner.username}-old.jpg"}]
    )
    old = f"thumbnails/{owner.username}-old.jpg"
    await storage().put_bytes(old, b"old")
    form = FormData({"name": "With a picture"})
    form.add_field("thumbnailfile", picture(1600, 900), filename="p.jpg", content_type="image/jpeg")
    answer = await client.put(
        f"/api/v1/videos/{video.uuid}", data=form, headers=await login(client, owner)
    )
    assert answer.status == 204, await answer.text()
    shown = await (await client.get(f"/api/v1/videos/{video.uuid}")).json()
    assert shown["name"] == "With a picture"
    for path, size in (("thumbnailPath", (280, 157)), ("previewPath", (1280, 720))):
        sent = await client.get(shown[path])
        assert Image.open(io.BytesIO(await sent.read())).size == size
    await drain()
    assert not await storage().exists(old)


async def test_what_is_no_picture_is_told_so(client: Client) -> None:
    owner = await make_user()
    video = await make_video(owner)
    form = FormData({"name": "With no picture"})
    form.add_field("previewfile", b"not a picture", filename="p.jpg", content_type="image/jpeg")
    answer = await client.put(
        f"/api/v1/videos/{video.uuid}", data=form, headers=await login(client, owner)
    )
    assert answer.status == 400
    await video.refresh_from_db()
    assert (video.name != "With no picture", video.thumbnails) == (True, [])


async def test_the_owner_is_told_of_the_uploaded_file(client: Client) -> None:
    owner = await make_user()
    video = await make_video(owner)
    headers, url = await login(client, owner), f"/api/v1/videos/{video.uuid}/source"
    assert (await client.get(url, headers=headers)).status == 404
    await VideoSource.create(video=video, filename="holiday.mov", key="originals/a/b.mov", size=99)
    answer = await (await client.get(url, headers=headers)).json()
    assert (answer["inputFilename"], answer["size"]) == ("holiday.mov", 99)
    assert (await client.get(url)).status == 401
    other = await login(client, await make_user())
    assert (await client.get(url, headers=other)).status == 403


async def test_what_ffprobe_would_tell(client: Client) -> None:
    video = await make_video()
    rendition = await Rendition.create(
        video=video,
        resolution=720,
        width=1280,
        height=720,
        fps=25,
        codecs="avc1.64001f",
        bandwidth=2,
        average_bandwidth=1,
        filename="a.mp4",
        playlist_filename="a.m3u8",
        size=5,
    )
    url = f"/api/v1/videos/{video.uuid}/metadata/"
    answer = await (await client.get(f"{url}{rendition.id}")).json()
    assert answer["streams"][0]["width"] == 1280
    assert answer["format"]["size"] == 5
    assert (await client.get(f"{url}{rendition.id + 1}")).status == 404
    assert (await client.get(f"{url}x")).status == 400


async def test_storyboards(client: Client) -> None:
    board = {
        "filename": "board.jpg",
        "tile_width": 192,
        "tile_height": 108,
        "columns": 11,
        "rows": 3,
        "interval": 2.0,
        "count": 31,
    }
    video = await make_video(storyboard=board)
    answer = await (await client.get(f"/api/v1/videos/{video.uuid}/storyboards")).json()
    (shown,) = answer["storyboards"]
    assert (shown["totalWidth"], shown["totalHeight"], shown["spriteDuration"]) == (2112, 324, 2)
    assert shown["storyboardPath"] == "/lazy-static/storyboards/board.jpg"
    bare = await client.get(f"/api/v1/videos/{(await make_video()).uuid}/storyboards")
    assert (await bare.json()) == {"storyboards": []}
