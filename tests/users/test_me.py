"""What users see and change about themselves, over REST and on pages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.accounts.models import Account, Session, SessionKind, User
from app.accounts.passwords import verify_password
from app.channels.events import ChannelDeleted
from app.channels.models import Channel
from app.core.auth import Role
from app.uploads.models import Upload
from app.users.events import UserDeleted
from app.videos.models import Rendition, Video, VideoSource
from tests.contract.peertube import ensure_answers
from tests.factories import PASSWORD, account_of, login, make_channel, make_user, make_video
from tests.mailbox import mails

Client = TestClient[web.Request, web.Application]
ME = "/api/v1/users/me"


async def get_me(client: Client, headers: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = await (await client.get(ME, headers=headers)).json()
    return found


async def test_i_am_described_as_peertube_does(client: Client) -> None:
    user = await make_user("alice", last_login_at=datetime.now(UTC))
    await make_channel(user, name="films")

    found = await get_me(client, await login(client, user))

    ensure_answers("User", found)
    assert found["username"] == "alice"
    assert found["role"] == {"id": 2, "label": "User"}
    assert found["account"]["name"] == "alice"
    assert found["account"]["userId"] == user.id
    assert [each["name"] for each in found["videoChannels"]] == ["alice_channel", "films"]
    assert found["videoChannels"][0]["ownerAccount"]["name"] == "alice"
    assert found["nsfwPolicy"] == "do_not_list"
    assert "passwordHash" not in str(found)
    assert "argon2" not in str(found)


async def test_it_takes_two_statements_more_than_knowing_who_asks(
    client: Client, max_queries: Callable[[int], Any]
) -> None:
    user = await make_user()
    for _ in range(5):
        await make_channel(user)
    headers = await login(client, user)

    with max_queries(3):
        await get_me(client, headers)


async def test_what_is_sent_changes_and_the_rest_stays(client: Client) -> None:
    user = await make_user("alice", preferences={"theme": "dark", "autoPlayVideo": False})
    headers = await login(client, user)

    answer = await client.put(
        ME,
        json={
            "displayName": "Alice L.",
            "description": "Films of hills",
            "nsfwPolicy": "blur",
            "videoLanguages": ["en", "fr"],
            "somethingUnknown": 1,
        },
        headers=headers,
    )
    found = await get_me(client, headers)

    assert answer.status == 204
    assert found["account"]["displayName"] == "Alice L."
    assert found["account"]["description"] == "Films of hills"
    assert found["nsfwPolicy"] == "blur"
    assert found["videoLanguages"] == ["en", "fr"]
    assert found["theme"] == "dark"
    assert found["autoPlayVideo"] is False


async def test_null_empties_what_may_be_empty(client: Client) -> None:
    user = await make_user(preferences={"videoLanguages": ["en"], "theme": "dark"})
    headers = await login(client, user)
    await Account.filter(user_id=user.id).update(description="old")

    answer = await client.put(
        ME, json={"description": None, "videoLanguages": None, "theme": None}, headers=headers
    )
    found = await get_me(client, headers)

    assert answer.status == 204
    assert found["account"]["description"] is None
    assert found["videoLanguages"] is None
    assert found["theme"] == "dark"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"displayName": ""}, "displayName"),
        ({"displayName": "x" * 121}, "displayName"),
        ({"displayName": None}, "displayName"),
        ({"description": "ab"}, "description"),
        ({"nsfwPolicy": "maybe"}, "nsfwPolicy"),
        ({"theme": "blink"}, "theme"),
        ({"email": "no address", "currentPassword": PASSWORD}, "email"),
        ({"password": "short", "currentPassword": PASSWORD}, "password"),
        ({"password": "long enough"}, "currentPassword"),
        ({"email": "new@example.org"}, "currentPassword"),
        ({"nsfwFlagsHidden": 1, "nsfwFlagsWarned": 3}, "nsfwFlagsDisplayed"),
    ],
)
async def test_what_is_wrong_is_told_by_its_field(
    client: Client, change: dict[str, Any], field: str
) -> None:
    user = await make_user()
    headers = await login(client, user)

    answer = await client.put(ME, json=change, headers=headers)
    problem = await answer.json()

    assert answer.status == 400
    assert list(problem["invalid-params"]) == [field]


async def test_a_new_password_takes_the_old_one_and_ends_other_sessions(client: Client) -> None:
    user = await make_user()
    mine, other = await login(client, user), await login(client, user)

    wrong = await client.put(
        ME, json={"password": "new password", "currentPassword": "not it"}, headers=mine
    )
    right = await client.put(
        ME, json={"password": "new password", "currentPassword": PASSWORD}, headers=mine
    )

    assert (wrong.status, (await wrong.json())["code"]) == (401, "current_password_is_invalid")
    assert right.status == 204
    assert (await client.get(ME, headers=mine)).status == 200
    assert (await client.get(ME, headers=other)).status == 401
    assert await verify_password((await User.get(id=user.id)).password_hash, "new password")


async def test_a_new_address_counts_at_once_where_the_site_sends_no_mail(client: Client) -> None:
    user = await make_user()

    answer = await client.put(
        ME,
        json={"email": "new@example.org", "currentPassword": PASSWORD},
        headers=await login(client, user),
    )

    assert answer.status == 204
    assert (await User.get(id=user.id)).email == "new@example.org"


async def test_a_new_address_counts_when_it_is_verified(
    client: Client, configure: Callable[..., None]
) -> None:
    configure(mail__host="127.0.0.1")
    user = await make_user("alice")
    headers = await login(client, user)

    await client.put(
        ME, json={"email": "new@example.org", "currentPassword": PASSWORD}, headers=headers
    )
    before = await get_me(client, headers)
    (mail,) = await mails()
    answer = await client.post(
        f"/api/v1/users/{user.id}/verify-email",
        json={
            "verificationString": mail.query["verificationString"],
            "isPendingEmail": True,
        },
    )
    after = await get_me(client, headers)

    assert (before["email"], before["pendingEmail"]) == ("alice@example.org", "new@example.org")
    assert mail.to == "new@example.org"
    assert mail.query["userId"] == str(user.id)
    assert mail.query["isPendingEmail"] == "true"
    assert answer.status == 204
    assert (after["email"], after["pendingEmail"]) == ("new@example.org", None)
    assert after["emailVerified"] is True


async def test_nobody_takes_anothers_address(client: Client) -> None:
    await make_user("bob")
    headers = await login(client, await make_user("alice"))

    answer = await client.put(
        ME, json={"email": "BOB@example.org", "currentPassword": PASSWORD}, headers=headers
    )

    assert answer.status == 409


async def test_the_quota_counts_files_renditions_and_uploads(client: Client) -> None:
    user, other = await make_user(), await make_user()
    video, old, theirs = await make_video(user), await make_video(user), await make_video(other)
    for each, size in ((video, 1000), (old, 200), (theirs, 7)):
        await VideoSource.create(video=each, filename="a.mp4", key=f"k{size}", size=size)
    await VideoSource.filter(video=old).update(created_at=datetime.now(UTC) - timedelta(hours=25))
    await Rendition.create(
        video=video,
        resolution=720,
        codecs="avc1.64001f",
        bandwidth=1,
        average_bandwidth=1,
        filename="v.mp4",
        playlist_filename="v.m3u8",
        size=30,
    )
    await Upload.create(user=user, filename="b.mp4", key="b", size=4)
    await Upload.create(user=user, filename="c.mp4", key="c", size=9, video_id=video.id)

    answer = await client.get(f"{ME}/video-quota-used", headers=await login(client, user))

    assert await answer.json() == {"videoQuotaUsed": 1234, "videoQuotaUsedDaily": 1004}


async def test_news_are_read_once(client: Client) -> None:
    user = await make_user()
    headers = await login(client, user)

    answer = await client.post(f"{ME}/new-feature-info/read", json={"feature": 1}, headers=headers)
    wrong = await client.post(f"{ME}/new-feature-info/read", json={"feature": 9}, headers=headers)

    assert (answer.status, wrong.status) == (204, 400)
    assert (await get_me(client, headers))["newFeaturesInfoRead"] == 1


async def test_leaving_removes_everything_and_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.core import events

    heard: list[object] = []
    monkeypatch.setattr(events, "_subscribers", events._subscribers.copy())

    async def hear(event: object) -> None:
        heard.append(event)

    for kind in (ChannelDeleted, UserDeleted):
        monkeypatch.setitem(events._subscribers, kind, [*events._subscribers[kind], hear])
    user = await make_user()
    account = await account_of(user)
    channel, second = await Channel.get(account_id=account.id), await make_channel(user)
    await make_video(channel)
    headers = await login(client, user)

    answer = await client.delete(ME, headers=headers)

    assert answer.status == 204
    assert heard == [
        ChannelDeleted(channel.id, account.id),
        ChannelDeleted(second.id, account.id),
        UserDeleted(user.id, account.id),
    ]
    assert not await User.filter(id=user.id).exists()
    assert not await Account.filter(id=account.id).exists()
    assert not await Video.all().exists()
    assert not await Session.all().exists()
    assert (await client.get(ME, headers=headers)).status == 401


async def test_root_stays(client: Client) -> None:
    root = await make_user("root", role=Role.ADMINISTRATOR)

    answer = await client.delete(ME, headers=await login(client, root))

    assert answer.status == 400
    assert await User.filter(id=root.id).exists()


async def test_settings_are_changed_on_pages(client: Client) -> None:
    user = await make_user("alice")
    headers = await login(client, user, kind=SessionKind.COOKIE) | {"Sec-Fetch-Site": "same-origin"}

    async def post(path: str, **form: str) -> tuple[int, str]:
        answer = await client.post(path, data=form, headers=headers, allow_redirects=False)
        return answer.status, await answer.text()

    profile = await post("/settings", display_name="Alice L.", description="Films of hills")
    wrong = await post("/settings", display_name="", description="ab")
    preferences = await post(
        "/settings/preferences", theme="dark", language="en", nsfw_policy="blur"
    )
    email = await post("/settings/email", email="new@example.org", current_password=PASSWORD)
    bad_password = await post("/settings/password", current_password="x", password="new password")
    password = await post("/settings/password", current_password=PASSWORD, password="new password")

    assert [answer[0] for answer in (profile, preferences, email, password)] == [303] * 4
    assert wrong[0] == 400
    assert "Please fill this in." in wrong[1]
    assert "At least 3 characters, please." in wrong[1]
    assert bad_password[0] == 401
    assert "The current password is wrong." in bad_password[1]
    changed = await User.get(id=user.id).select_related("account")
    assert (changed.account.display_name, changed.account.description) == (
        "Alice L.",
        "Films of hills",
    )
    assert changed.email == "new@example.org"
    assert changed.preferences == {
        "theme": "dark",
        "language": "en",
        "nsfwPolicy": "blur",
        "autoPlayVideo": False,
        "autoPlayNextVideo": False,
    }
    assert await verify_password(changed.password_hash, "new password")


@pytest.mark.parametrize(
    "path",
    ["", "/preferences", "/security", "/email", "/password", "/two-factor", "/delete"],
)
async def test_each_page_of_the_settings_is_shown(client: Client, path: str) -> None:
    user = await make_user("alice", pending_email="new@example.org", video_quota=10**9)
    headers = await login(client, user, kind=SessionKind.COOKIE)

    answer = await client.get(f"/settings{path}", headers=headers)

    assert answer.status == 200
    assert "<h1>" in await answer.text()


async def test_leaving_on_a_page_takes_the_password(client: Client) -> None:
    user = await make_user("alice")
    headers = await login(client, user, kind=SessionKind.COOKIE) | {"Sec-Fetch-Site": "same-origin"}

    wrong = await client.post(
        "/settings/delete", data={"current_password": "not it"}, headers=headers
    )
    right = await client.post(
        "/settings/delete",
        data={"current_password": PASSWORD},
        headers=headers,
        allow_redirects=False,
    )

    assert wrong.status == 401
    assert (right.status, right.headers["Location"]) == (303, "/")
    assert not await User.filter(id=user.id).exists()
