"""Files over HTTP: parts, heads, conditions, hostile names, playlists with tokens."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from yarl import URL

from app.core.storage import storage
from app.playback import gate
from app.playback.playlists import with_token
from app.videos.models import Privacy, Video
from tests.factories import login, make_user, make_video

Client = TestClient[web.Request, web.Application]
CONTENT = bytes(range(256)) * 40
MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en",URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="audio"
v720.m3u8
"""


def url_of(uuid: UUID, name: str = "v.mp4") -> str:
    return f"/static/streaming-playlists/hls/{uuid}/{name}"


async def make_playable(**fields: Any) -> Video:
    video = await make_video(**fields)
    await storage().put_bytes(f"hls/{video.uuid}/v.mp4", CONTENT)
    await storage().put_bytes(f"hls/{video.uuid}/m.m3u8", MASTER.encode())
    return video


async def test_the_whole_file(client: Client) -> None:
    video = await make_playable()
    answer = await client.get(url_of(video.uuid))
    assert answer.status == 200
    assert await answer.read() == CONTENT
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", CONTENT[:100]),
        ("bytes=100-", CONTENT[100:]),
        ("bytes=-7", CONTENT[-7:]),
        ("bytes=10000-999999", CONTENT[10000:]),
    ],
)
async def test_a_part(client: Client, header: str, expected: bytes) -> None:
    video = await make_playable()
    answer = await client.get(url_of(video.uuid), headers={"Range": header})
    assert answer.status == 206
    assert await answer.read() == expected
    first, _, size = answer.headers["Content-Range"].removeprefix("bytes ").partition("/")
    start = int(first.partition("-")[0])
    assert CONTENT[start : start + len(expected)] == expected
    assert int(size) == len(CONTENT)
    assert answer.headers["Content-Length"] == str(len(expected))


async def test_several_parts_are_answered_with_the_whole(client: Client) -> None:
    video = await make_playable()
    answer = await client.get(url_of(video.uuid), headers={"Range": "bytes=0-1,5-6"})
    assert (answer.status, await answer.read()) == (200, CONTENT)


async def test_beyond_the_end(client: Client) -> None:
    video = await make_playable()
    answer = await client.get(url_of(video.uuid), headers={"Range": f"bytes={len(CONTENT)}-"})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert await answer.read() == b""


async def test_a_head_has_no_body_and_ignores_ranges(client: Client) -> None:
    video = await make_playable()
    answer = await client.head(url_of(video.uuid), headers={"Range": "bytes=0-1"})
    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert await answer.read() == b""


async def test_conditions(client: Client) -> None:
    video = await make_playable()
    url = url_of(video.uuid)
    first = await client.get(url)
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    part = {"Range": "bytes=0-1"}
    for name, value in (("If-None-Match", tag), ("If-Modified-Since", date)):
        same = await client.get(url, headers={name: value})
        assert (same.status, await same.read()) == (304, b"")
        assert same.headers["ETag"] == tag
    for value in (tag, date):
        assert (await client.get(url, headers=part | {"If-Range": value})).status == 206
    other = await client.get(url, headers=part | {"If-Range": '"another"'})
    assert (other.status, await other.read()) == (200, CONTENT)
    await storage().put_bytes(f"hls/{video.uuid}/v.mp4", b"new content")
    changed = await client.get(url, headers=part | {"If-Range": tag})
    assert (changed.status, await changed.read()) == (200, b"new content")


async def test_one_connection_serves_many_parts(client: Client) -> None:
    video = await make_playable()
    for start in range(0, 3000, 300):
        answer = await client.get(
            url_of(video.uuid), headers={"Range": f"bytes={start}-{start + 299}"}
        )
        assert await answer.read() == CONTENT[start : start + 300]


@pytest.mark.parametrize(
    "name",
    [
        "nothing.mp4",
        "..%2F..%2F..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "..",
        "%2e%2e%2fv.mp4",
        ".hidden",
        "v.mp4%00",
        "a%0d%0aX-Bad:1",
        "%ff%fe",
        "v.mp4%2f",
        "-rf",
        "x" * 3000,
    ],
)
async def test_unknown_and_hostile_names(client: Client, name: str) -> None:
    video = await make_playable()
    for folder in (f"/static/streaming-playlists/hls/{video.uuid}", "/lazy-static/thumbnails"):
        answer = await client.get(URL(f"{folder}/{name}", encoded=True))
        assert answer.status in {400, 404}, name  # 400 for what is no text at all


@pytest.mark.parametrize("uuid", ["", "x", "..", "0", "*" * 36, "1" * 22])
async def test_an_unknown_video_has_no_files(client: Client, uuid: str) -> None:
    answer = await client.get(URL(f"/static/streaming-playlists/hls/{uuid}/v.mp4", encoded=True))
    assert answer.status == 404


async def test_another_folder_of_storage_stays_closed(client: Client) -> None:
    video = await make_playable()
    await storage().put_bytes(f"originals/{video.uuid}/o.mp4", b"original")
    for path in (
        f"/lazy-static/originals/{video.uuid}",
        f"/lazy-static/thumbnails/..%2Foriginals%2F{video.uuid}%2Fo.mp4",
        f"/static/streaming-playlists/hls/{video.uuid}/..%2F..%2Foriginals%2F{video.uuid}%2Fo.mp4",
    ):
        assert (await client.get(URL(path, encoded=True))).status == 404


async def test_pictures(client: Client) -> None:
    await storage().put_bytes("thumbnails/picture.jpg", b"jpeg")
    for kind in ("thumbnails", "previews"):
        answer = await client.get(f"/lazy-static/{kind}/picture.jpg")
        assert (answer.status, await answer.read()) == (200, b"jpeg")
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert "immutable" in answer.headers["Cache-Control"]
    await storage().delete("thumbnails/picture.jpg")


async def test_playlists_are_kept_briefly(client: Client) -> None:
    video = await make_playable()
    answer = await client.get(url_of(video.uuid, "m.m3u8"))
    assert await answer.text() == MASTER
    assert answer.headers["Cache-Control"] == "public, max-age=2"
    assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"


async def test_a_playlist_takes_the_token_along(client: Client) -> None:
    owner = await make_user()
    video = await make_playable(channel=owner, privacy=Privacy.PRIVATE)
    given = await client.post(
        f"/api/v1/videos/{video.uuid}/token", headers=await login(client, owner)
    )
    token = (await given.json())["files"]["token"]
    asked = {"videoFileToken": token, "reinjectVideoFileToken": "true"}
    answer = await client.get(url_of(video.uuid, "m.m3u8"), params=asked)
    text = await answer.text()
    again = f"?videoFileToken={token}&reinjectVideoFileToken=true"
    assert f'URI="audio.m3u8{again}"' in text
    assert f"\nv720.m3u8{again}\n" in text
    assert answer.headers["Cache-Control"] == "private, max-age=2"
    plain = await client.get(url_of(video.uuid, "m.m3u8"), params={"videoFileToken": token})
    assert await plain.text() == MASTER


def test_only_own_addresses_take_a_token() -> None:
    media = '#EXT-X-MAP:URI="v.mp4",BYTERANGE="800@0"\r\n#EXTINF:4,\r\nv.mp4?a=1\r\n\r\n'
    assert with_token(media, "t&t") == (
        '#EXT-X-MAP:URI="v.mp4?videoFileToken=t%26t",BYTERANGE="800@0"\r\n'
        "#EXTINF:4,\r\nv.mp4?a=1&videoFileToken=t%26t\r\n\r\n"
    )
    elsewhere = "https://elsewhere.example/v.mp4\n//elsewhere.example/v.mp4\n"
    assert with_token(elsewhere, "t") == elsewhere


async def test_a_download_has_a_name(client: Client) -> None:
    video = await make_playable()
    answer = await client.get(url_of(video.uuid), params={"download": "1"})
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''v.mp4"


async def test_nginx_sends_the_file_where_it_is_asked_to(
    configure: Callable[..., None], client: Client
) -> None:
    configure(web__accel_redirect=True)
    video = await make_playable(privacy=Privacy.UNLISTED)
    answer = await client.get(url_of(video.uuid), headers={"Range": "bytes=0-1"})
    assert answer.headers["X-Accel-Redirect"] == f"/_storage/hls/{video.uuid}/v.mp4"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert await answer.read() == b""


async def test_files_have_no_rate_limit(configure: Callable[..., None], client: Client) -> None:
    configure(rate_limits__enabled=True, rate_limits__api="2/600")
    video = await make_playable()
    await storage().put_bytes("thumbnails/limit.jpg", b"jpeg")
    for _ in range(5):
        for url in (url_of(video.uuid), "/lazy-static/thumbnails/limit.jpg"):
            assert (await client.get(url)).status == 200
    await storage().delete("thumbnails/limit.jpg")


async def test_a_viewer_s_many_requests_cost_the_database_nothing(
    client: Client,
    max_queries: Callable[[int], AbstractContextManager[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "SECONDS", 600)  # a slow machine must not make it forget in between
    owner = await make_user()
    private = await make_playable(channel=owner, privacy=Privacy.PRIVATE)
    public = await make_playable()
    headers = await login(client, owner)
    for video in (private, public):
        await client.get(url_of(video.uuid), headers=headers)
    with max_queries(0):
        for start in range(20):
            for video in (private, public):
                answer = await client.get(
                    url_of(video.uuid), headers=headers | {"Range": f"bytes={start}-"}
                )
                assert answer.status == 206
