"""Looking after users: who may, what changes, and what stays."""

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.accounts.models import Account, Session, SessionKind, User
from app.accounts.passwords import UNUSABLE, verify_password
from app.channels.models import Channel
from app.core.auth import Role
from app.core.errors import AppError, ConflictError
from app.users import service
from app.users.schemas import NewUser
from tests.contract.peertube import ensure_answers
from tests.factories import login, make_user, make_video
from tests.mailbox import mails

Client = TestClient[web.Request, web.Application]
USERS = "/api/v1/users"


async def log_in(client: Client, role: Role = Role.ADMINISTRATOR, **kind: Any) -> dict[str, str]:
    return await login(client, await make_user(role=role), **kind)


async def test_users_are_listed_searched_and_sorted(client: Client) -> None:
    headers = await login(client, await make_user("zoe", role=Role.ADMINISTRATOR))
    await make_user("anna", blocked=True)
    await make_user("bert", email="hills@example.org")
    await make_user("under_score")

    async def names(**query: str) -> tuple[int, list[str]]:
        found = await (await client.get(USERS, params=query, headers=headers)).json()
        return found["total"], [each["username"] for each in found["data"]]

    listed = await (await client.get(USERS, headers=headers)).json()
    ensure_answers("User", listed["data"][0])
    assert await names(sort="username") == (4, ["anna", "bert", "under_score", "zoe"])
    assert await names(sort="-username", count="1", start="1") == (4, ["under_score"])
    assert await names(search="HILLS") == (1, ["bert"])
    assert await names(search="%") == (0, [])
    assert await names(search="r_s") == (1, ["under_score"])
    assert await names(blocked="true") == (1, ["anna"])
    assert (await client.get(USERS, params={"sort": "password"}, headers=headers)).status == 400


async def test_a_list_of_users_costs_two_statements(
    client: Client, max_queries: Callable[[int], Any]
) -> None:
    headers = await log_in(client)
    for _ in range(6):
        await make_user()

    with max_queries(3):
        assert (await client.get(USERS, headers=headers)).status == 200


async def test_plain_users_look_after_nobody(client: Client) -> None:
    other = await make_user()
    headers = await log_in(client, Role.USER)
    body: dict[str, Any] = {}

    for method, path in (
        ("GET", USERS),
        ("POST", USERS),
        ("GET", f"{USERS}/autocomplete?search=a"),
        ("GET", f"{USERS}/{other.id}"),
        ("PUT", f"{USERS}/{other.id}"),
        ("DELETE", f"{USERS}/{other.id}"),
        ("POST", f"{USERS}/{other.id}/block"),
        ("POST", f"{USERS}/{other.id}/unblock"),
    ):
        answer = await client.request(method, path, json=body, headers=headers)
        assert answer.status == 403, (method, path)
        assert (await client.request(method, path, json=body)).status == 401, (method, path)


async def test_a_user_is_made_with_account_and_channel(client: Client) -> None:
    headers = await log_in(client)

    answer = await client.post(
        USERS,
        json={
            "username": "carla",
            "password": "long enough",
            "email": "carla@example.org",
            "role": 2,
            "videoQuota": 5_000_000,
            "videoQuotaDaily": -1,
        },
        headers=headers,
    )
    body = await answer.json()
    ensure_answers("AddUserResponse", body)
    found = await (await client.get(f"{USERS}/{body['user']['id']}", headers=headers)).json()

    assert answer.status == 200
    assert found["account"]["id"] == body["user"]["account"]["id"]
    assert found["videoQuota"] == 5_000_000
    assert [(each["name"], each["displayName"]) for each in found["videoChannels"]] == [
        ("carla_channel", "Main carla channel")
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"username": "Carla"}, 400),
        ({"username": "car la"}, 400),
        ({"username": ".carla"}, 400),
        ({"username": "carla."}, 400),
        ({"username": "x" * 51}, 400),
        ({"username": ""}, 400),
        ({"password": "short"}, 400),
        ({"password": ""}, 400),
        ({"email": "carla"}, 400),
        ({"email": "carla@example"}, 400),
        ({"role": 7}, 400),
        ({"videoQuota": -2}, 400),
        ({"channelName": "no/slash"}, 400),
        ({"username": "taken"}, 409),
        ({"username": "taken_channel"}, 409),
        ({"username": "peertube"}, 409),
        ({"email": "TAKEN@example.org"}, 409),
        ({"channelName": "Taken"}, 409),
        ({"channelName": "CARLA"}, 409),
    ],
)
async def test_names_addresses_and_passwords_follow_the_rules(
    client: Client, change: dict[str, Any], status: int
) -> None:
    await make_user("taken")
    headers = await log_in(client)
    body = {"username": "carla", "password": "long enough", "email": "c@example.org", "role": 2}

    answer = await client.post(USERS, json=body | change, headers=headers)

    assert answer.status == status
    assert not await User.filter(username__in=["carla", "Carla"]).exists()


@pytest.mark.parametrize(
    "username", ["a", "_", "0", "a.b", "a-b", "under_score", "9lives", "x" * 50]
)
async def test_good_names_are_taken(db: None, username: str) -> None:
    new = NewUser(username=username, email="a@example.org")

    user = await service.create_user(new, password_hash="x", email_verified=None)

    channel = await Channel.get(account__user_id=user.id)
    assert channel.name.startswith(username[:42])
    assert channel.name.endswith("_channel")
    assert len(channel.name) <= 50


async def test_a_default_channel_steps_aside_for_a_taken_name(db: None) -> None:
    await make_user("carla_channel", channel="other")

    user = await service.create_user(
        NewUser(username="carla", email="c@example.org"), password_hash="x", email_verified=None
    )

    channel = await Channel.get(account__user_id=user.id)
    assert channel.name.startswith("carla_channel_")


async def test_without_a_password_a_mail_asks_for_one(
    client: Client, configure: Callable[..., None]
) -> None:
    configure(mail__host="127.0.0.1")
    headers = await log_in(client)

    answer = await client.post(
        USERS,
        json={"username": "carla", "password": "", "email": "carla@example.org", "role": 2},
        headers=headers,
    )
    (mail,) = await mails()
    before = (await User.get(username="carla")).password_hash
    chosen = await client.post(
        f"{USERS}/{mail.query['userId']}/reset-password",
        json={
            "verificationString": mail.query["verificationString"],
            "password": "my own password",
        },
    )

    assert answer.status == 200
    assert mail.to == "carla@example.org"
    assert before == UNUSABLE
    assert chosen.status == 204
    after = (await User.get(username="carla")).password_hash
    assert await verify_password(after, "my own password")


async def test_moderators_make_and_change_plain_users_only(client: Client) -> None:
    headers = await log_in(client, Role.MODERATOR)
    plain, admin = await make_user("plain"), await make_user("admin", role=Role.ADMINISTRATOR)
    new = {"username": "carla", "password": "long enough", "email": "c@example.org"}

    async def status(method: str, path: str, **body: Any) -> int:
        return (await client.request(method, USERS + path, json=body, headers=headers)).status

    assert await status("POST", "", **new, role=1) == 403
    assert await status("POST", "", **new, role=2) == 200
    assert await status("PUT", f"/{plain.id}", videoQuota=5) == 204
    assert await status("PUT", f"/{plain.id}", role=0) == 403
    assert await status("PUT", f"/{admin.id}", videoQuota=5) == 403
    assert await status("POST", f"/{admin.id}/block") == 403
    assert await status("DELETE", f"/{admin.id}") == 403
    assert await status("DELETE", f"/{plain.id}") == 204


async def test_what_is_sent_changes_and_the_rest_stays(client: Client) -> None:
    headers = await log_in(client)
    user = await make_user("carla", video_quota=7)

    answer = await client.put(
        f"{USERS}/{user.id}",
        json={"role": 1, "videoQuotaDaily": 9, "adminFlags": 1, "emailVerified": True},
        headers=headers,
    )
    found = await (await client.get(f"{USERS}/{user.id}", headers=headers)).json()

    assert answer.status == 204
    assert found["role"] == {"id": 1, "label": "Moderator"}
    assert (found["videoQuota"], found["videoQuotaDaily"]) == (7, 9)
    assert (found["adminFlags"], found["emailVerified"]) == (1, True)
    assert found["email"] == "carla@example.org"


@pytest.mark.parametrize("change", [{"password": "another password"}, {"role": 1}])
async def test_a_new_password_or_role_ends_the_sessions(
    client: Client, change: dict[str, Any]
) -> None:
    headers = await log_in(client)
    user = await make_user()
    theirs = await login(client, user)

    await client.put(f"{USERS}/{user.id}", json=change, headers=headers)

    assert (await client.get(f"{USERS}/me", headers=theirs)).status == 401


async def test_blocking_locks_out_at_once_and_removes_nothing(client: Client) -> None:
    headers = await log_in(client)
    user = await make_user("carla")
    theirs = await login(client, user)

    answer = await client.post(f"{USERS}/{user.id}/block", json={"reason": "spam"}, headers=headers)
    found = await (await client.get(f"{USERS}/{user.id}", headers=headers)).json()
    account = await client.get("/api/v1/accounts/carla")
    channel = await client.get("/api/v1/video-channels/carla_channel")
    let_in = await client.post(f"{USERS}/{user.id}/unblock", headers=headers)

    assert answer.status == let_in.status == 204
    assert (found["blocked"], found["blockedReason"]) == (True, "spam")
    assert not await Session.filter(user_id=user.id).exists()
    assert (await client.get(f"{USERS}/me", headers=theirs)).status == 401
    assert account.status == channel.status == 200


async def test_root_and_oneself_are_spared(client: Client) -> None:
    root = await make_user("root", role=Role.ADMINISTRATOR)
    admin = await make_user("admin", role=Role.ADMINISTRATOR)
    headers = await login(client, admin)

    for user in (root, admin):
        for method, path, body in (
            ("POST", f"/{user.id}/block", {}),
            ("DELETE", f"/{user.id}", {}),
            ("PUT", f"/{user.id}", {"role": 2}),
        ):
            answer = await client.request(method, USERS + path, json=body, headers=headers)
            assert answer.status == 400, (user.username, path)


async def test_removing_a_user_leaves_nothing(client: Client) -> None:
    headers = await log_in(client)
    user = await make_user("carla")
    video = await make_video(user)

    answer = await client.delete(f"{USERS}/{user.id}", headers=headers)

    assert answer.status == 204
    assert not await User.filter(username="carla").exists()
    assert not await Account.filter(name="carla").exists()
    assert not await Channel.filter(name="carla_channel").exists()
    assert (await client.get(f"/api/v1/videos/{video.uuid}")).status == 404
    assert (await client.delete(f"{USERS}/{user.id}", headers=headers)).status == 404


async def test_names_are_completed(client: Client) -> None:
    headers = await log_in(client, Role.MODERATOR)
    for name in ("carla", "carlo", "anna"):
        await make_user(name)

    answer = await client.get(f"{USERS}/autocomplete", params={"search": "CAR"}, headers=headers)

    assert await answer.json() == ["carla", "carlo"]


async def test_numbers_come_for_those_who_moderate(client: Client) -> None:
    user = await make_user()
    await make_video(user)
    await make_video(user)
    path = f"{USERS}/{user.id}?withStats=true"

    theirs = await (await client.get(path, headers=await log_in(client, Role.MODERATOR))).json()
    mine = await (await client.get(path, headers=await login(client, user))).json()

    ensure_answers("UserWithStats", theirs)
    assert theirs["videosCount"] == 2
    assert "videosCount" not in mine


async def test_the_first_administrator_is_made_once(db: None) -> None:
    chosen = await service.ensure_root(None)
    again = await service.ensure_root("another password")

    root = await User.get()
    assert chosen is not None
    assert again is None
    assert (root.username, root.role, root.email_verified) == ("root", Role.ADMINISTRATOR, True)
    assert await verify_password(root.password_hash, chosen)
    assert await Channel.filter(name="root_channel").exists()


async def test_the_first_administrator_takes_a_given_password(db: None) -> None:
    assert await service.ensure_root("a given password") == "a given password"
    assert await verify_password((await User.get()).password_hash, "a given password")


async def test_a_password_is_reset_from_the_command_line(db: None) -> None:
    user = await make_user("carla", otp_secret="A" * 32)
    await login(None, user)

    await service.reset_password("carla", "another password")

    after = await User.get(id=user.id)
    assert await verify_password(after.password_hash, "another password")
    assert after.otp_secret is None
    assert not await Session.all().exists()
    for name, password in (("nobody", "another password"), ("carla", "short")):
        with pytest.raises(AppError):
            await service.reset_password(name, password)


async def test_two_cannot_take_one_name(db: None) -> None:
    await service.create_user(
        NewUser(username="carla", email="a@example.org"), password_hash="x", email_verified=None
    )

    with pytest.raises(ConflictError) as refused:
        await service.create_user(
            NewUser(username="carla", email="b@example.org"), password_hash="x", email_verified=None
        )

    assert refused.value.field == "username"


async def test_people_are_looked_after_on_pages(client: Client) -> None:
    headers = await log_in(client, kind=SessionKind.COOKIE) | {"Sec-Fetch-Site": "same-origin"}

    async def post(path: str, **form: str) -> tuple[int, str]:
        answer = await client.post(path, data=form, headers=headers, allow_redirects=False)
        return answer.status, await answer.text()

    made = await post(
        "/admin/users/new",
        username="carla",
        email="carla@example.org",
        role="2",
        password="long enough",
        quota="1.5",
        quota_daily="",
    )
    taken = await post(
        "/admin/users/new",
        username="carla",
        email="x@example.org",
        role="2",
        password="long enough",
    )
    user = await User.get(username="carla")
    listed = await (await client.get("/admin/users?search=carl", headers=headers)).text()
    shown = await (await client.get(f"/admin/users/{user.id}", headers=headers)).text()
    changed = await post(
        f"/admin/users/{user.id}", email="carla@example.org", role="1", quota="", quota_daily="2"
    )
    blocked = await post(f"/admin/users/{user.id}/block", reason="spam and more")
    is_blocked = (await User.get(id=user.id)).blocked
    unblocked = await post(f"/admin/users/{user.id}/unblock")
    after = await User.get(id=user.id)
    asked = await client.get(f"/admin/users/{user.id}/delete", headers=headers)
    removed = await post(f"/admin/users/{user.id}/delete")

    assert [each[0] for each in (made, changed, blocked, unblocked, removed)] == [303] * 5
    assert taken[0] == 409
    assert "is taken here" in taken[1]
    assert (user.video_quota, user.video_quota_daily) == (1_500_000_000, -1)
    assert f'href="/admin/users/{user.id}"' in listed
    assert 'value="1.5"' in shown
    assert is_blocked
    assert not after.blocked
    assert after.role is Role.MODERATOR
    assert (after.video_quota, after.video_quota_daily) == (-1, 2_000_000_000)
    assert asked.status == 200
    assert not await User.filter(id=user.id).exists()


async def test_the_pages_are_for_those_who_moderate(client: Client) -> None:
    headers = await log_in(client, Role.USER, kind=SessionKind.COOKIE)

    for path in ("/admin/users", "/admin/users/new", "/admin/registrations"):
        assert (await client.get(path, headers=headers)).status == 403
        assert (await client.get(path, allow_redirects=False)).status == 303
