"""Logging in and out on pages: cookies, where it leads, the second step, the list of logins."""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from app.accounts.models import OneTimeToken, Session, SessionKind, User
from app.core.auth import COOKIE
from app.core.jobs import drain, enqueue
from app.sessions import service
from app.sessions.devices import device_name
from app.sessions.jobs import sweep
from tests.factories import PASSWORD, login, make_user

Client = TestClient[web.Request, web.Application]


async def post(client: Client, path: str, **form: str) -> ClientResponse:
    """Send a form as a page of ours does, without following where it leads."""
    return await client.post(
        path, data=form, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False
    )


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1]


async def test_the_right_password_leads_on_with_a_cookie(client: Client) -> None:
    await make_user("alice")

    answer = await post(client, "/login", username="alice", password=PASSWORD, next="/my/channels")
    page = await client.get("/settings")

    assert (answer.status, answer.headers["Location"]) == (303, "/my/channels")
    cookie = answer.headers["Set-Cookie"]
    assert COOKIE in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert page.status == 200
    assert "@alice" in await page.text()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
async def test_a_login_leads_to_this_site_only(client: Client, target: str) -> None:
    await make_user("alice")

    answer = await post(client, "/login", username="alice", password=PASSWORD, next=target)

    assert answer.headers["Location"] == "/"


async def test_a_page_that_needs_a_login_comes_after_it(client: Client) -> None:
    answer = await client.get("/settings/security", allow_redirects=False)
    page = await client.get(answer.headers["Location"])

    assert answer.status == 303
    assert hidden(await page.text(), "next") == "/settings/security"


async def test_a_wrong_password_gives_the_form_again(client: Client) -> None:
    await make_user("alice")

    answer = await post(client, "/login", username="alice", password="not it")
    page = await answer.text()

    assert answer.status == 400
    assert "The name or the password is wrong." in page
    assert 'value="alice"' in page
    assert "not it" not in page
    assert COOKIE not in answer.headers.get("Set-Cookie", "")


async def test_a_login_from_another_site_is_refused(client: Client) -> None:
    await make_user("alice")

    answer = await client.post(
        "/login",
        data={"username": "alice", "password": PASSWORD},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert answer.status == 403
    assert await Session.all().count() == 0


async def test_an_unverified_user_is_offered_the_mail_again(
    client: Client, configure: Callable[..., None]
) -> None:
    configure(signup__verify_email=True)
    await make_user("alice", email_verified=False)

    answer = await post(client, "/login", username="alice", password=PASSWORD)

    assert "/verify-account/ask-send-email" in await answer.text()


async def test_the_second_step_takes_the_code(client: Client) -> None:
    secret = pyotp.random_base32()
    await make_user("alice", otp_secret=secret)

    first = await post(client, "/login", username="alice", password=PASSWORD, next="/my/channels")
    token = hidden(await first.text(), "token")
    wrong = await post(
        client, "/login/two-factor", token=token, code="000000x", next="/my/channels"
    )
    code = pyotp.TOTP(secret).now()
    right = await post(client, "/login/two-factor", token=token, code=code, next="/my/channels")

    assert COOKIE not in first.headers.get("Set-Cookie", "")
    assert wrong.status == 400
    assert (right.status, right.headers["Location"]) == (303, "/my/channels")
    assert COOKIE in right.headers["Set-Cookie"]


async def test_the_second_step_ends_after_five_wrong_codes(client: Client) -> None:
    secret = pyotp.random_base32()
    await make_user("alice", otp_secret=secret)
    first = await post(client, "/login", username="alice", password=PASSWORD)
    token = hidden(await first.text(), "token")

    for _ in range(5):
        await post(client, "/login/two-factor", token=token, code="000000x")
    answer = await post(client, "/login/two-factor", token=token, code=pyotp.TOTP(secret).now())

    assert answer.status == 400
    assert await Session.all().count() == 0


async def test_codes_are_counted_per_user_over_all_addresses(
    client: Client, configure: Callable[..., None]
) -> None:
    configure(rate_limits__enabled=True, rate_limits__login="4/300")
    await make_user("alice", otp_secret=pyotp.random_base32())
    statuses = []

    for number in range(6):
        sender = {"X-Forwarded-For": f"198.51.100.{number}", "Sec-Fetch-Site": "same-origin"}
        first = await client.post(
            "/login", data={"username": "alice", "password": PASSWORD}, headers=sender
        )
        token = hidden(await first.text(), "token")
        second = await client.post(
            "/login/two-factor", data={"token": token, "code": "000000x"}, headers=sender
        )
        statuses.append((first.status, second.status))

    assert statuses == [(200, 400)] * 4 + [(200, 429)] * 2


async def test_logging_out_ends_the_session_and_the_cookie(client: Client) -> None:
    await make_user("alice")
    await post(client, "/login", username="alice", password=PASSWORD)

    answer = await post(client, "/logout")

    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert await Session.all().count() == 0
    assert (await client.get("/settings", allow_redirects=False)).status == 303


async def test_a_cookie_is_no_bearer_token_nor_the_other_way_round(client: Client) -> None:
    user = await make_user("alice")
    cookie = (await login(client, user, kind=SessionKind.COOKIE))["Cookie"].partition("=")[2]
    bearer = (await login(client, user))["Authorization"].partition(" ")[2]

    as_bearer = await client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {cookie}"})
    as_cookie = await client.get(
        "/settings", headers={"Cookie": f"{COOKIE}={bearer}"}, allow_redirects=False
    )

    assert as_bearer.status == 401
    assert as_cookie.status == 303


async def test_a_used_session_lives_on_and_is_written_rarely(db: None) -> None:
    user = await make_user()
    secret = await service.open_cookie(user.id, service.Device("browser", "192.0.2.1"))
    now = datetime.now(UTC)
    await Session.all().update(
        last_seen_at=now - timedelta(days=3), access_expires_at=now + timedelta(days=1)
    )

    assert await service.identify(secret, "cookie") is not None
    seen = await Session.get()
    assert await service.identify(secret, "cookie") is not None
    seen_again = await Session.get()

    assert seen.access_expires_at > now + timedelta(days=29)
    assert seen.last_seen_at > now - timedelta(days=1)
    assert seen_again.last_seen_at == seen.last_seen_at


async def test_who_asks_costs_one_statement(
    db: None, max_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    user = await make_user(preferences={"theme": "dark"})
    secret = await service.open_cookie(user.id, service.Device("browser", "192.0.2.1"))

    with max_queries(1):
        actor = await service.identify(secret, "cookie")

    assert actor is not None
    assert (actor.user_id, actor.username) == (user.id, user.username)
    assert actor.preferences == {"theme": "dark"}


async def test_what_has_expired_is_swept_away(db_commit: None) -> None:
    user = await make_user()
    device = service.Device("browser", "192.0.2.1")
    past = datetime.now(UTC) - timedelta(minutes=1)
    await service.open_cookie(user.id, device)
    await service.open_bearer(user.id, device)
    await Session.all().update(access_expires_at=past)
    await service.open_cookie(user.id, device)
    await OneTimeToken.create(purpose="reset-password", token_hash=b"x", expires_at=past, user=user)

    await enqueue(sweep)
    await drain()

    left = await Session.all()
    assert sorted(session.kind for session in left) == [SessionKind.BEARER, SessionKind.COOKIE]
    assert await OneTimeToken.all().count() == 0


async def test_devices_are_listed_and_logged_out(client: Client) -> None:
    user = await make_user("alice")
    await login(client, user)
    await post(client, "/login", username="alice", password=PASSWORD)
    other = await Session.get(login_device="tests")

    page = await (await client.get("/settings/security")).text()
    one = await post(client, f"/settings/security/sessions/{other.id}/revoke")
    await login(client, user)
    await login(client, user)
    rest = await post(client, "/settings/security/sessions/revoke")

    assert "this one" in page
    assert f"/settings/security/sessions/{other.id}/revoke" in page
    assert one.status == rest.status == 303
    assert await Session.all().count() == 1


async def test_two_factor_is_turned_on_and_off_on_pages(client: Client) -> None:
    user = await make_user("alice")
    await post(client, "/login", username="alice", password=PASSWORD)

    wrong = await post(client, "/settings/two-factor", current_password="not it")
    page = await (await post(client, "/settings/two-factor", current_password=PASSWORD)).text()
    token, secret = hidden(page, "request_token"), hidden(page, "secret")
    again = await post(
        client, "/settings/two-factor/confirm", request_token=token, secret=secret, code="0x"
    )
    code = pyotp.TOTP(secret).generate_otp(int(time.time()) // 30)
    on = await post(
        client, "/settings/two-factor/confirm", request_token=token, secret=secret, code=code
    )
    is_on = (await User.get(id=user.id)).otp_secret == secret
    off = await post(client, "/settings/two-factor", current_password=PASSWORD)

    assert wrong.status == 400
    assert "<svg" in page
    assert "otpauth://totp/" in page
    assert again.status == 403
    assert secret in await again.text()
    assert on.status == off.status == 303
    assert is_on
    assert (await User.get(id=user.id)).otp_secret is None


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox, Linux",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
            ),
            "Safari, iPhone",
        ),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
            ),
            "Edge, Windows",
        ),
        ("Dart/3.5 (dart:io)", "Dart"),
        ("", ""),
    ],
)
def test_devices_are_called_by_their_names(agent: str, name: str) -> None:
    assert device_name(agent) == name
