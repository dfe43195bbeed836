"""Who may see what: every kind of video and asker, in lists, on its own, and its files."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.core.auth import Role
from app.core.ids import short
from app.core.storage import storage
from app.playback import gate
from app.videos import access, queries
from app.videos.models import Privacy, Video, VideoState
from tests.factories import login, make_user, make_video

Client = TestClient[web.Request, web.Application]
ASKERS = ("anonymous", "user", "owner", "moderator")
SECRET = "open sesame"

#: By kind of video: the status of its JSON and of its files for each of ASKERS, and who finds it in
#: the public list.
EXPECTED: dict[str, tuple[tuple[int, int, int, int], tuple[bool, bool, bool, bool]]] = {
    "PUBLIC": ((200, 200, 200, 200), (True, True, True, True)),
    "UNLISTED": ((200, 200, 200, 200), (False, False, False, False)),
    "PRIVATE": ((401, 403, 200, 200), (False, False, False, False)),
    "INTERNAL": ((401, 200, 200, 200), (False, True, True, True)),
    "PASSWORD_PROTECTED": ((403, 403, 200, 200), (False, False, False, False)),
    "TO_TRANSCODE": ((404, 404, 200, 200), (False, False, False, False)),
    "TRANSCODING_FAILED": ((404, 404, 200, 200), (False, False, False, False)),
}


@pytest.fixture(autouse=True)
def forget() -> None:
    gate.forget()


async def make_kind(kind: str, owner: Any) -> Video:
    """A video of a privacy or state, with one file."""
    if kind in Privacy.__members__:
        privacy = Privacy[kind]
        password = SECRET if privacy is Privacy.PASSWORD_PROTECTED else None
        video = await make_video(owner, name=kind, privacy=privacy, password=password)
    else:
        video = await make_video(owner, name=kind, state=VideoState[kind])
    await storage().put_bytes(f"hls/{video.uuid}/v.mp4", b"0123456789")
    return video


async def headers_of(asker: str, client: Client, owner: Any) -> dict[str, str]:
    if asker == "anonymous":
        return {}
    if asker == "owner":
        return await login(client, owner)
    role = Role.MODERATOR if asker == "moderator" else Role.USER
    return await login(client, await make_user(role=role))


def file_of(video: Video) -> str:
    return f"/static/streaming-playlists/hls/{video.uuid}/v.mp4"


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("kind", EXPECTED)
async def test_matrix(client: Client, kind: str, asker: str) -> None:
    owner = await make_user()
    video = await make_kind(kind, owner)
    headers = await headers_of(asker, client, owner)
    statuses, listed = EXPECTED[kind]
    expected = statuses[ASKERS.index(asker)]

    for reference in (str(video.uuid), short(video.uuid)):
        answer = await client.get(f"/api/v1/videos/{reference}", headers=headers)
        assert answer.status == expected, await answer.text()
    for part in ("description", "storyboards", "captions", "chapters"):
        answer = await client.get(f"/api/v1/videos/{video.uuid}/{part}", headers=headers)
        assert answer.status == expected

    answer = await client.get(file_of(video), headers=headers)
    assert answer.status == expected
    if expected == 200:
        assert await answer.read() == b"0123456789"
        audience = "public" if kind in {"PUBLIC", "UNLISTED"} else "private"
        assert answer.headers["Cache-Control"].startswith(audience)

    found = await (await client.get("/api/v1/videos", headers=headers)).json()
    assert bool(found["data"]) is listed[ASKERS.index(asker)]
    assert found["total"] == len(found["data"])
    found = await (await client.get(f"/api/v1/search/videos?search={kind}", headers=headers)).json()
    assert bool(found["data"]) is listed[ASKERS.index(asker)]


@pytest.mark.parametrize("asker", ASKERS)
async def test_an_unlisted_video_is_not_found_by_its_number(client: Client, asker: str) -> None:
    owner = await make_user()
    video = await make_kind("UNLISTED", owner)
    answer = await client.get(
        f"/api/v1/videos/{video.id}", headers=await headers_of(asker, client, owner)
    )
    assert answer.status == (200 if asker in {"owner", "moderator"} else 404)


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_only_owner_and_moderators_change(client: Client, asker: str, method: str) -> None:
    owner = await make_user()
    video = await make_kind("PUBLIC", owner)
    answer = await client.request(
        method,
        f"/api/v1/videos/{video.uuid}",
        json={"name": "Changed"} if method == "PUT" else None,
        headers=await headers_of(asker, client, owner),
    )
    assert answer.status == {"anonymous": 401, "user": 403}.get(asker, 204)


async def test_a_password_opens_the_video_and_its_files(client: Client) -> None:
    video = await make_kind("PASSWORD_PROTECTED", await make_user())
    for url in (f"/api/v1/videos/{video.uuid}", file_of(video)):
        closed = await client.get(url)
        assert (await closed.json())["code"] == "video_requires_password"
        wrong = await client.get(url, headers={"x-peertube-video-password": "wrong"})
        assert (wrong.status, (await wrong.json())["code"]) == (403, "incorrect_video_password")
        right = await client.get(url, headers={"x-peertube-video-password": SECRET})
        assert right.status == 200
    assert (await client.get(file_of(video), params={"videoPassword": SECRET})).status == 200
    cookie = {"Cookie": f"{access.file_cookie(video.uuid)}={await file_token(video)}"}
    assert (await client.get(file_of(video), headers=cookie)).status == 200


async def file_token(video: Video) -> str:
    facts = await queries.facts_by_uuid(video.uuid)
    assert facts is not None
    return access.new_file_token(facts)[0]


@pytest.mark.parametrize("kind", ["PRIVATE", "INTERNAL", "PASSWORD_PROTECTED", "TO_TRANSCODE"])
async def test_a_file_token_opens_the_files(client: Client, kind: str) -> None:
    owner = await make_user()
    video = await make_kind(kind, owner)
    answer = await client.post(
        f"/api/v1/videos/{video.uuid}/token", headers=await login(client, owner)
    )
    assert answer.status == 200
    token = (await answer.json())["files"]["token"]
    assert (await client.get(file_of(video), params={"videoFileToken": token})).status == 200
    other = await make_kind(kind, owner)
    refused = await client.get(file_of(other), params={"videoFileToken": token})
    assert refused.status in {401, 403, 404}
    tampered = token[:-1] + ("A" if token[-1] != "A" else "B")
    refused = await client.get(file_of(video), params={"videoFileToken": tampered})
    assert refused.status in {401, 403, 404}


async def test_nobody_gets_a_token_for_what_is_closed_to_them(client: Client) -> None:
    owner = await make_user()
    for kind in ("PRIVATE", "INTERNAL", "PASSWORD_PROTECTED", "TO_TRANSCODE"):
        video = await make_kind(kind, owner)
        assert (await client.post(f"/api/v1/videos/{video.uuid}/token")).status in {401, 403, 404}


async def test_a_new_privacy_makes_old_tokens_worthless(client: Client) -> None:
    owner = await make_user()
    video = await make_kind("INTERNAL", owner)
    token = await file_token(video)
    headers = await login(client, owner)
    await client.put(f"/api/v1/videos/{video.uuid}", json={"privacy": 3}, headers=headers)
    gate.forget()
    assert (await client.get(file_of(video), params={"videoFileToken": token})).status == 401


def test_a_token_ends() -> None:
    facts = access.Facts(
        privacy=Privacy.PRIVATE, state=VideoState.PUBLISHED, owner_id=1, file_secret=b"x" * 16
    )
    token, expires = access.new_file_token(facts, now=1_800_000_000)
    assert access.file_token_is_good(facts, token, now=expires - 1)
    assert not access.file_token_is_good(facts, token, now=expires)


@pytest.mark.parametrize("token", ["", "x", "=" * 40, "ä" * 32, "A" * 32, "A" * 10_000])
def test_what_is_no_token_is_not_good(token: str) -> None:
    facts = access.Facts(
        privacy=Privacy.PRIVATE, state=VideoState.PUBLISHED, owner_id=1, file_secret=b"x" * 16
    )
    assert not access.file_token_is_good(facts, token)


async def test_a_stale_bearer_token_is_told_so(client: Client) -> None:
    video = await make_kind("PRIVATE", await make_user())
    headers = {"Authorization": "Bearer nonsense"}
    for url in (f"/api/v1/videos/{video.uuid}", file_of(video)):
        answer = await client.get(url, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (401, "invalid_token")
