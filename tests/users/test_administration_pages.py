"""Looking after users on pages."""

from app.accounts.models import SessionKind, User
from app.core.auth import Role
from tests.users.conftest import Client, log_in


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
