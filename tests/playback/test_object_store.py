"""Files in an object store: the client is sent there, playlists come from us."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from moto.server import ThreadedMotoServer

from app.core.net import close_sessions
from app.core.storage import Storage, storage
from app.playback import gate
from app.videos.models import Privacy, Rendition, Video
from tests.factories import login, make_user, make_video
from tests.playback.conftest import MakeFilm

Client = TestClient[web.Request, web.Application]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def bucket(configure: Callable[..., None], endpoint: str) -> AsyncIterator[Storage]:
    configure(
        storage__backend="s3",
        storage__s3_endpoint=endpoint,
        storage__s3_bucket="kinora",
        storage__s3_access_key="access",
        storage__s3_secret_key="secret",
    )
    async with (
        aiohttp.ClientSession() as session,  # noqa: TID251 - the test's own
        session.put(f"{endpoint}/kinora") as made,
    ):
        assert made.ok
    storage.cache_clear()
    gate.forget()
    yield storage()
    storage.cache_clear()
    await close_sessions()


async def make_playable(bucket: Storage, **fields: Any) -> tuple[Video, str]:
    video = await make_video(**fields)
    await bucket.put_bytes(f"hls/{video.uuid}/v.mp4", b"0123456789")
    await bucket.put_bytes(f"hls/{video.uuid}/m.m3u8", b"#EXTM3U\nv.mp4\n")
    return video, f"/static/streaming-playlists/hls/{video.uuid}"


async def test_the_client_is_sent_to_the_store(bucket: Storage, client: Client) -> None:
    _, folder = await make_playable(bucket)
    part = {"Range": "bytes=2-4"}
    answer = await client.get(f"{folder}/v.mp4", headers=part, allow_redirects=False)
    assert answer.status == 302
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-Amz-Signature" in parse_qs(urlsplit(answer.headers["Location"]).query)
    followed = await client.get(f"{folder}/v.mp4", headers=part)
    assert (followed.status, await followed.read()) == (206, b"234")


async def test_playlists_come_from_us(bucket: Storage, client: Client) -> None:
    _, folder = await make_playable(bucket)
    answer = await client.get(f"{folder}/m.m3u8", allow_redirects=False)
    assert (answer.status, await answer.text()) == (200, "#EXTM3U\nv.mp4\n")
    assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert (await client.get(f"{folder}/none.m3u8")).status == 404


async def test_private_files_stay_private(bucket: Storage, client: Client) -> None:
    owner = await make_user()
    _, folder = await make_playable(bucket, channel=owner, privacy=Privacy.PRIVATE)
    for name in ("v.mp4", "m.m3u8"):
        assert (await client.get(f"{folder}/{name}", allow_redirects=False)).status == 401
    answer = await client.get(
        f"{folder}/v.mp4", headers=await login(client, owner), allow_redirects=False
    )
    assert answer.status == 302
    assert answer.headers["Cache-Control"].startswith("private")


async def test_a_public_address_is_used_for_public_files_only(
    configure: Callable[..., None], bucket: Storage, client: Client
) -> None:
    configure(storage__s3_public_url="https://files.example/kinora")
    storage.cache_clear()
    owner = await make_user()
    video, folder = await make_playable(bucket, channel=owner)
    answer = await client.get(f"{folder}/v.mp4", allow_redirects=False)
    assert answer.headers["Location"] == f"https://files.example/kinora/hls/{video.uuid}/v.mp4"
    private, folder = await make_playable(bucket, channel=owner, privacy=Privacy.PRIVATE)
    answer = await client.get(
        f"{folder}/v.mp4", headers=await login(client, owner), allow_redirects=False
    )
    assert f"hls/{private.uuid}/v.mp4?" in answer.headers["Location"]
    assert not answer.headers["Location"].startswith("https://files.example")


async def test_a_download_has_its_name_there_too(bucket: Storage, client: Client) -> None:
    _, folder = await make_playable(bucket)
    answer = await client.get(f"{folder}/v.mp4", params={"download": "1"}, allow_redirects=False)
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked["response-content-disposition"] == ["attachment; filename*=UTF-8''v.mp4"]


async def test_a_film_is_woven_here_and_its_parts_are_there(
    bucket: Storage, client: Client, make_film: MakeFilm
) -> None:
    video = await make_film(name="The harbour")
    picture, _, sound = await Rendition.filter(video_id=video.id).order_by("-resolution")
    url = f"/download/videos/generate/{video.uuid}?videoFileIds={picture.id}"
    alone = await client.get(url, allow_redirects=False)
    asked = parse_qs(urlsplit(alone.headers["Location"]).query)
    assert asked["response-content-disposition"] == [
        "attachment; filename*=UTF-8''The%20harbour%20-%20180p.mp4"
    ]
    url += f"&videoFileIds={sound.id}"
    whole = await client.get(url, allow_redirects=False)
    data = await whole.read()
    assert (whole.status, whole.headers["Content-Length"]) == (200, str(len(data)))
    part = await client.get(url, headers={"Range": "bytes=1000-90000"}, allow_redirects=False)
    assert (part.status, await part.read()) == (206, data[1000:90001])


async def test_nginx_fetches_what_browsers_need_not_reach(
    configure: Callable[..., None], bucket: Storage, client: Client
) -> None:
    configure(storage__s3_through_proxy=True)
    owner = await make_user()
    video, folder = await make_playable(bucket, channel=owner)
    answer = await client.get(f"{folder}/v.mp4", allow_redirects=False)
    inside = urlsplit(answer.headers["X-Accel-Redirect"])
    assert (answer.status, inside.path) == (200, f"/_store/hls/{video.uuid}/v.mp4")
    assert "X-Amz-Signature" in parse_qs(inside.query)
    assert answer.headers["Content-Type"] == "video/mp4"
    answer = await client.get(f"{folder}/v.mp4", params={"download": "1"}, allow_redirects=False)
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''v.mp4"
    _, folder = await make_playable(bucket, channel=owner, privacy=Privacy.PRIVATE)
    answer = await client.get(f"{folder}/v.mp4", allow_redirects=False)
    assert (answer.status, "X-Accel-Redirect" in answer.headers) == (401, False)
