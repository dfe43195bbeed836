"""The second factor: turning it on and off over REST, and what a code is good for."""

import time
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.accounts.models import OneTimeToken, User
from app.core.auth import Role
from app.sessions import two_factor
from tests.contract.peertube import ensure_answers
from tests.factories import PASSWORD, login, make_user

Client = TestClient[web.Request, web.Application]


def code_at(secret: str, steps: int = 0) -> str:
    """The one-time password of so many steps from now."""
    code: str = pyotp.TOTP(secret).generate_otp(int(time.time()) // 30 + steps)
    return code


@pytest.mark.parametrize(
    ("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (3, False)]
)
async def test_a_code_is_good_around_its_time(db: None, steps: int, *, good: bool) -> None:
    secret = pyotp.random_base32()
    user = await make_user(otp_secret=secret)

    assert await two_factor.is_code_good(user.id, code_at(secret, steps)) is good


async def test_no_earlier_code_is_good_after_a_later_one(db: None) -> None:
    secret = pyotp.random_base32()
    user = await make_user(otp_secret=secret)

    assert await two_factor.is_code_good(user.id, code_at(secret, 1))
    assert not await two_factor.is_code_good(user.id, code_at(secret, 1))
    assert not await two_factor.is_code_good(user.id, code_at(secret, 0))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 34"])
async def test_nonsense_is_no_code(db: None, code: str) -> None:
    user = await make_user(otp_secret=pyotp.random_base32())

    assert not await two_factor.is_code_good(user.id, code)


async def test_without_a_second_factor_no_code_is_good(db: None) -> None:
    user = await make_user()

    assert not await two_factor.is_code_good(user.id, "123456")


async def test_it_is_turned_on_and_off(client: Client) -> None:
    user = await make_user("alice")
    headers = await login(client, user)
    path = f"/api/v1/users/{user.id}/two-factor"
    proof = {"currentPassword": PASSWORD}

    asked = await (await client.post(f"{path}/request", json=proof, headers=headers)).json()
    ensure_answers("RequestTwoFactorResponse", asked)
    secret, token = asked["otpRequest"]["secret"], asked["otpRequest"]["requestToken"]
    not_yet = (await User.get(id=user.id)).otp_secret
    confirmed = await client.post(
        f"{path}/confirm-request",
        json={"requestToken": token, "otpToken": code_at(secret)},
        headers=headers,
    )
    is_on = (await (await client.get("/api/v1/users/me", headers=headers)).json())[
        "twoFactorEnabled"
    ]
    again = await client.post(f"{path}/request", json=proof, headers=headers)
    off = await client.post(f"{path}/disable", json=proof, headers=headers)
    off_again = await client.post(f"{path}/disable", json=proof, headers=headers)

    assert asked["otpRequest"]["uri"].startswith("otpauth://totp/")
    assert not_yet is None
    assert confirmed.status == 204
    assert is_on is True
    assert again.status == 400
    assert off.status == 204
    assert off_again.status == 400
    assert (await User.get(id=user.id)).otp_secret is None


async def test_the_code_that_turned_it_on_logs_nobody_in(db: None) -> None:
    user = await make_user()
    made = await two_factor.request(user.id)
    code = code_at(made.secret)
    await two_factor.confirm(user.id, made.token, code)

    assert not await two_factor.is_code_good(user.id, code)


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"currentPassword": "not it"}, 403), ({"currentPassword": PASSWORD}, 200)],
)
async def test_it_takes_the_password(client: Client, body: dict[str, str], status: int) -> None:
    user = await make_user()
    headers = await login(client, user)

    answer = await client.post(
        f"/api/v1/users/{user.id}/two-factor/request", json=body, headers=headers
    )

    assert answer.status == status


async def test_a_wrong_code_or_token_does_not_turn_it_on(client: Client) -> None:
    user, other = await make_user(), await make_user()
    made, theirs = await two_factor.request(user.id), await two_factor.request(other.id)
    headers = await login(client, user)
    path = f"/api/v1/users/{user.id}/two-factor/confirm-request"

    for token, code in (
        (made.token, "000000x"),
        ("unknown", code_at(made.secret)),
        (theirs.token, code_at(theirs.secret)),
    ):
        body = {"requestToken": token, "otpToken": code}
        assert (await client.post(path, json=body, headers=headers)).status == 403
    good = {"requestToken": made.token, "otpToken": code_at(made.secret)}
    assert (await client.post(path, json=good, headers=headers)).status == 204


async def test_a_request_expires(client: Client) -> None:
    user = await make_user()
    made = await two_factor.request(user.id)
    await OneTimeToken.all().update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    answer = await client.post(
        f"/api/v1/users/{user.id}/two-factor/confirm-request",
        json={"requestToken": made.token, "otpToken": code_at(made.secret)},
        headers=await login(client, user),
    )

    assert answer.status == 403


@pytest.mark.parametrize(
    ("role", "of", "status"),
    [
        (Role.USER, Role.USER, 403),
        (Role.MODERATOR, Role.USER, 204),
        (Role.MODERATOR, Role.ADMINISTRATOR, 403),
        (Role.ADMINISTRATOR, Role.MODERATOR, 204),
    ],
)
async def test_those_who_moderate_lift_it_without_the_password(
    client: Client, role: Role, of: Role, status: int
) -> None:
    locked_out = await make_user(role=of, otp_secret=pyotp.random_base32())
    headers = await login(client, await make_user(role=role))

    answer = await client.post(
        f"/api/v1/users/{locked_out.id}/two-factor/disable", json={}, headers=headers
    )

    assert answer.status == status
