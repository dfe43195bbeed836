"""Files to keep: whoever may see a video gets them, unless its owner switched that off."""

from urllib.parse import unquote

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from app.accounts.models import SessionKind
from app.core.auth import Role
from app.core.ids import new_uuid, short
from app.core.storage import storage
from app.playback import gate
from app.videos.downloads import saved_name
from app.videos.models import Privacy, Rendition, Video
from tests.factories import login, make_user, make_video
from tests.playback.conftest import MakeFilm
from tests.videos.test_pages import page

Client = TestClient[web.Request, web.Application]
SECRET = "open sesame"
REFUSED = "This video may not be downloaded."


async def stored(video: Video, resolution: int = 180) -> Rendition:
    """The rendition of a height; 0 is the sound."""
    return await Rendition.get(video_id=video.id, resolution=resolution)


async def addresses(video: Video) -> list[str]:
    """Every address from which a file of a video may be kept."""
    picture, sound = await stored(video), await stored(video, 0)
    return [
        f"/static/streaming-playlists/hls/{video.uuid}/{picture.filename}?download=1",
        f"/download/streaming-playlists/hls/videos/{picture.filename}",
        f"/download/videos/generate/{video.uuid}?videoFileIds={picture.id}",
        f"/download/videos/generate/{video.uuid}?videoFileIds={picture.id}&videoFileIds={sound.id}",
    ]


def name_of(answer: ClientResponse) -> str:
    """The name under which a browser saves an answer."""
    start, _, name = answer.headers["Content-Disposition"].partition("''")
    assert start == "attachment; filename*=UTF-8"
    return unquote(name)


async def test_our_json_points_at_files_to_keep(client: Client, make_film: MakeFilm) -> None:
    video = await make_film(name="Am Fluß: Ein/Tag")
    details = await (await client.get(f"/api/v1/videos/{video.uuid}")).json()
    files = details["streamingPlaylists"][0]["files"]
    assert [each["resolution"]["id"] for each in files] == [180, 96, 0]
    names = []
    for each in files:
        assert each["fileDownloadUrl"].startswith("http://127.0.0.1:9000/download/streaming-")
        answer = await client.get(each["fileDownloadUrl"].removeprefix("http://127.0.0.1:9000"))
        assert (answer.status, len(await answer.read())) == (200, each["size"])
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        names.append((name_of(answer), answer.headers["Content-Type"]))
    assert names == [
        ("Am Fluß Ein Tag - 180p.mp4", "video/mp4"),
        ("Am Fluß Ein Tag - 96p.mp4", "video/mp4"),
        ("Am Fluß Ein Tag.m4a", "audio/mp4"),
    ]


async def test_a_part_of_a_file_to_keep(client: Client, make_film: MakeFilm) -> None:
    video = await make_film()
    for url in (await addresses(video))[:3]:
        answer = await client.get(url, headers={"Range": "bytes=4-7"})
        assert (answer.status, await answer.read()) == (206, b"ftyp")


@pytest.mark.parametrize("asker", ["anonymous", "user", "owner", "moderator", "administrator"])
async def test_nobody_else_keeps_what_its_owner_withholds(
    client: Client, make_film: MakeFilm, asker: str
) -> None:
    owner = await make_user()
    video = await make_film(channel=owner, download_enabled=False)
    headers = {}
    if asker != "anonymous":
        role = Role[asker.upper()] if asker != "owner" else Role.USER
        person = owner if asker == "owner" else await make_user(role=role)
        headers = await login(client, person)
    refused = asker in {"anonymous", "user"}
    for url in await addresses(video):
        answer = await client.get(url, headers=headers)
        assert answer.status == (403 if refused else 200), url
        if refused:
            assert answer.content_type == "application/problem+json"
            problem = await answer.json()
            assert (problem["title"], problem["detail"]) == ("Forbidden", REFUSED)
        else:
            assert answer.headers["Cache-Control"].startswith("private")
    picture = await stored(video)
    played = await client.get(f"/static/streaming-playlists/hls/{video.uuid}/{picture.filename}")
    assert played.status == 200
    assert "Content-Disposition" not in played.headers


async def test_what_is_switched_off_is_off(client: Client, make_film: MakeFilm) -> None:
    owner = await make_user()
    video = await make_film(channel=owner)
    headers = await login(client, owner)
    urls = await addresses(video)
    assert [(await client.get(url)).status for url in urls] == [200] * 4
    await client.put(
        f"/api/v1/videos/{video.uuid}", json={"downloadEnabled": False}, headers=headers
    )
    gate.forget()
    assert [(await client.get(url)).status for url in urls] == [403] * 4


@pytest.mark.parametrize(
    ("privacy", "anonymous", "user"),
    [
        (Privacy.UNLISTED, 200, 200),
        (Privacy.INTERNAL, 401, 200),
        (Privacy.PRIVATE, 401, 403),
        (Privacy.PASSWORD_PROTECTED, 403, 403),
    ],
)
async def test_what_may_not_be_seen_may_not_be_kept(
    client: Client, make_film: MakeFilm, privacy: Privacy, anonymous: int, user: int
) -> None:
    owner = await make_user()
    password = SECRET if privacy is Privacy.PASSWORD_PROTECTED else None
    video = await make_film(channel=owner, privacy=privacy, password=password)
    other = await login(client, await make_user())
    own = await login(client, owner)
    token = await client.post(f"/api/v1/videos/{video.uuid}/token", headers=own)
    opened = f"&videoFileToken={(await token.json())['files']['token']}"
    for url in await addresses(video):
        assert (await client.get(url)).status == anonymous
        assert (await client.get(url, headers=other)).status == user
        assert (await client.get(url, headers=own)).status == 200
        assert (await client.get(url + ("" if "?" in url else "?") + opened)).status == 200
        if password:
            header = {"x-peertube-video-password": password}
            assert (await client.get(url, headers=header)).status == 200


async def test_an_unlisted_film_is_not_kept_by_its_number(
    client: Client, make_film: MakeFilm
) -> None:
    owner = await make_user()
    video = await make_film(channel=owner, privacy=Privacy.UNLISTED)
    picture = await stored(video)
    for reference, status in ((str(video.id), 404), (short(video.uuid), 200)):
        url = f"/download/videos/generate/{reference}?videoFileIds={picture.id}"
        assert (await client.get(url)).status == status
        assert (await client.get(url, headers=await login(client, owner))).status == 200


async def test_what_is_not_there(client: Client, make_film: MakeFilm) -> None:
    video, other = await make_film(), await make_film()
    picture, small, foreign = await stored(video), await stored(video, 96), await stored(other)
    files, films = "/download/streaming-playlists/hls/videos", "/download/videos/generate"
    await storage().put_bytes(f"hls/{video.uuid}/{video.uuid}-old.mp4", b"of an earlier plan")
    expected = {
        f"{files}/x.mp4": 400,
        f"{files}/{'x' * 40}.mp4": 404,
        f"{files}/{new_uuid()}-t-180.mp4": 404,
        f"{files}/{video.uuid}-old.mp4": 404,
        f"{files}/{video.uuid}-t-180p.m3u8": 404,
        f"{films}/nothing?videoFileIds=1": 404,
        f"{films}/{video.uuid}?videoFileIds={foreign.id}": 404,
        f"{films}/{video.uuid}?videoFileIds={2**63 - 1}": 404,
        f"{films}/{video.uuid}": 400,
        f"{films}/{video.uuid}?videoFileIds=one": 400,
        f"{films}/{video.uuid}?videoFileIds=1&videoFileIds=2&videoFileIds=3": 400,
        f"{films}/{video.uuid}?videoFileIds={picture.id}&videoFileIds={small.id}": 400,
    }
    found = {}
    for url in expected:
        answer = await client.get(url)
        found[url] = answer.status
        assert answer.content_type == "application/problem+json"
    assert found == expected


async def test_the_page_offers_what_may_be_kept(client: Client, make_film: MakeFilm) -> None:
    owner = await make_user()
    for may_be_kept in (True, False):
        video = await make_film(channel=owner, download_enabled=may_be_kept)
        path, (*_, film) = f"/w/{short(video.uuid)}", await addresses(video)
        own = await login(client, owner, kind=SessionKind.COOKIE)
        for headers, offered in (({}, may_be_kept), (own, True)):
            _, text = await page(client, path, **headers)
            assert (f'href="{film.replace("&", "&amp;")}"' in text) is offered
            assert ('popovertarget="download"' in text) is offered
            assert ("Others may not download" in text) is (offered and not may_be_kept)
    bare = await make_video()
    _, text = await page(client, f"/w/{short(bare.uuid)}")
    assert 'popovertarget="download"' not in text


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The harbour", "The harbour - 720p.mp4"),
        ('a/b\\c:d*e?f"g<h>i|j', "a b c d e f g h i j - 720p.mp4"),
        ("../../etc/passwd", "etc passwd - 720p.mp4"),
        ("line\r\nbreak\x00", "line break - 720p.mp4"),
        ("exe\u202egpj.mp4", "exe gpj.mp4 - 720p.mp4"),
        ("...", "video - 720p.mp4"),
        ("日" * 120, "日" * 69 + " - 720p.mp4"),
    ],
    ids=["plain", "signs", "folders", "lines", "turned", "nothing", "long"],
)
def test_names_that_every_system_takes(title: str, name: str) -> None:
    assert saved_name(title, 720) == name
    assert len(name.encode()) <= 220
