"""Looking after users: who may, what changes, and what stays."""

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import Account, Session, User
from app.channels.models import Channel
from app.core.auth import Role
from tests.contract.peertube import ensure_answers
from tests.factories import login, make_user, make_video
from tests.users.conftest import USERS, Client, log_in


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
