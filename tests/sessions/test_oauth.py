"""OAuth2 as PeerTube's clients speak it: every grant, every refusal, with their codes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from argon2 import PasswordHasher

from app.accounts.models import Registration, RegistrationState, Session, User
from app.accounts.passwords import verify_password
from app.accounts.tokens import digest
from tests.contract.peertube import ensure_answers
from tests.factories import PASSWORD, cheap_hash, login, make_user

Client = TestClient[web.Request, web.Application]


async def ask(
    client: Client, headers: dict[str, str] | None = None, /, **form: str | None
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of a request for tokens; the client's id and secret are right."""
    local = await (await client.get("/api/v1/oauth-clients/local")).json()
    sent = {name: value for name, value in (local | form).items() if value is not None}
    answer = await client.post("/api/v1/users/token", data=sent, headers=headers)
    return answer.status, await answer.json(), dict(answer.headers)


async def ask_password(client: Client, name: str, password: str = PASSWORD, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(client, sent, grant_type="password", username=name, password=password)


async def me(client: Client, token: str) -> int:
    answer = await client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    return answer.status


async def test_the_local_client_is_always_the_same(client: Client) -> None:
    first = await (await client.get("/api/v1/oauth-clients/local")).json()
    second = await (await client.get("/api/v1/oauth-clients/local")).json()

    assert first == second
    assert len(first["client_id"]) == len(first["client_secret"]) == 32
    ensure_answers("OAuthClient", first)


async def test_a_password_becomes_tokens(client: Client) -> None:
    await make_user("alice")

    status, tokens, _ = await ask_password(client, "alice")

    assert status == 200
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 24 * 3600
    assert tokens["refresh_token_expires_in"] == 14 * 24 * 3600
    assert tokens["access_token"] != tokens["refresh_token"]
    assert await me(client, tokens["access_token"]) == 200


@pytest.mark.parametrize("name", ["Alice", "ALICE@example.org", "alice@example.org"])
async def test_name_and_address_are_taken_in_any_case(client: Client, name: str) -> None:
    await make_user("alice")

    assert (await ask_password(client, name))[0] == 200


async def test_only_hashes_of_tokens_are_kept(client: Client) -> None:
    await make_user("alice")

    _, tokens, _ = await ask_password(client, "alice")

    session = await Session.get()
    assert bytes(session.access_hash) == digest(tokens["access_token"])
    assert session.refresh_hash is not None
    assert bytes(session.refresh_hash) == digest(tokens["refresh_token"])
    assert len(session.access_hash) == 32


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"client_id": "wrong"}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"password": "not it"}, "invalid_grant"),
        ({"username": "nobody"}, "invalid_grant"),
        ({"password": None}, "invalid_request"),
        ({"username": None}, "invalid_request"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
    ],
)
async def test_what_is_wrong_is_told_by_its_code(
    client: Client, form: dict[str, str | None], code: str
) -> None:
    await make_user("alice")
    right: dict[str, str | None] = {
        "grant_type": "password",
        "username": "alice",
        "password": PASSWORD,
    }

    sent = right | form
    status, problem, _ = await ask(client, None, **sent)

    assert (status, problem["code"]) == (400, code)
    assert problem["status"] == 400


async def test_refreshing_gives_new_tokens_and_ends_the_old_ones(client: Client) -> None:
    await make_user("alice")
    _, old, _ = await ask_password(client, "alice")

    status, new, _ = await ask(
        client, grant_type="refresh_token", refresh_token=old["refresh_token"]
    )

    assert status == 200
    assert await me(client, new["access_token"]) == 200
    assert await me(client, old["access_token"]) == 401
    again = await ask(client, grant_type="refresh_token", refresh_token=old["refresh_token"])
    assert (again[0], again[1]["code"]) == (400, "invalid_grant")
    assert await Session.all().count() == 1


async def test_a_refresh_token_expires(client: Client) -> None:
    await make_user("alice")
    _, tokens, _ = await ask_password(client, "alice")
    await Session.all().update(refresh_expires_at=datetime.now(UTC) - timedelta(seconds=1))

    status, problem, _ = await ask(
        client, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    )

    assert (status, problem["code"]) == (400, "invalid_grant")


async def test_an_access_token_expires_with_its_code(client: Client) -> None:
    await make_user("alice")
    _, tokens, _ = await ask_password(client, "alice")
    await Session.all().update(access_expires_at=datetime.now(UTC) - timedelta(seconds=1))

    answer = await client.get(
        "/api/v1/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )

    assert answer.status == 401
    assert (await answer.json())["code"] == "invalid_token"


async def test_logging_out_ends_the_session(client: Client) -> None:
    await make_user("alice")
    _, tokens, _ = await ask_password(client, "alice")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}

    answer = await client.post("/api/v1/users/revoke-token", headers=headers)

    assert answer.status == 200
    assert await me(client, tokens["access_token"]) == 401
    refreshed = await ask(client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed[0] == 400


async def test_a_blocked_user_gets_neither_in_nor_on(client: Client) -> None:
    user = await make_user("alice")
    _, tokens, _ = await ask_password(client, "alice")
    await User.filter(id=user.id).update(blocked=True)

    status, problem, _ = await ask_password(client, "alice")

    assert (status, problem["code"], problem["detail"]) == (
        400,
        "access_denied",
        "User is blocked.",
    )
    assert await me(client, tokens["access_token"]) == 401
    refreshed = await ask(client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed[1]["code"] == "invalid_grant"


@pytest.mark.parametrize(("asked", "status"), [(True, 400), (False, 200)])
async def test_an_unverified_address_matters_only_where_the_site_asks(
    client: Client, configure: Callable[..., None], *, asked: bool, status: int
) -> None:
    configure(signup__verify_email=asked)
    await make_user("alice", email_verified=False)

    answered, body, _ = await ask_password(client, "alice")

    assert answered == status
    if asked:
        assert body["detail"] == "User email is not verified."


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (RegistrationState.PENDING, "account_waiting_for_approval"),
        (RegistrationState.REJECTED, "account_approval_rejected"),
    ],
)
async def test_a_request_to_sign_up_is_told_to_who_has_its_password(
    client: Client, state: RegistrationState, code: str
) -> None:
    await Registration.create(
        state=state,
        username="bob",
        email="bob@example.org",
        password_hash=cheap_hash(PASSWORD),
        reason="films",
    )

    assert (await ask_password(client, "bob"))[1]["code"] == code
    assert (await ask_password(client, "bob", "not it"))[1]["code"] == "invalid_grant"


async def test_the_second_factor_is_asked_for_and_good_once(client: Client) -> None:
    secret = pyotp.random_base32()
    await make_user("alice", otp_secret=secret)

    missing = await ask_password(client, "alice")
    wrong = await ask_password(client, "alice", x_peertube_otp="000000x")
    code = pyotp.TOTP(secret).now()
    right = await ask_password(client, "alice", x_peertube_otp=code)
    again = await ask_password(client, "alice", x_peertube_otp=code)

    assert (missing[0], missing[1]["code"]) == (401, "missing_two_factor")
    assert missing[2]["x-peertube-otp"] == "required; app"
    assert (wrong[0], wrong[1]["code"]) == (400, "invalid_two_factor")
    assert right[0] == 200
    assert (again[0], again[1]["code"]) == (400, "invalid_two_factor")


async def test_the_second_factor_is_asked_for_only_after_the_right_password(
    client: Client,
) -> None:
    await make_user("alice", otp_secret=pyotp.random_base32())

    status, problem, _ = await ask_password(client, "alice", "not it")

    assert (status, problem["code"]) == (400, "invalid_grant")


async def test_attempts_are_counted(client: Client, configure: Callable[..., None]) -> None:
    configure(rate_limits__enabled=True, rate_limits__login="3/300")

    statuses = [(await ask_password(client, f"user{number}"))[0] for number in range(4)]

    assert statuses == [400, 400, 400, 429]


async def test_passwords_are_checked_for_unknown_names_too(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str | None] = []

    async def counting(password_hash: str | None, password: str) -> bool:
        checked.append(password_hash)
        return await verify_password(password_hash, password)

    monkeypatch.setattr("app.sessions.service.verify_password", counting)

    await ask_password(client, "nobody")

    assert checked == [None]


async def test_a_hash_of_old_parameters_is_made_anew_at_login(client: Client) -> None:
    user = await make_user("alice")
    stale = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    await User.filter(id=user.id).update(password_hash=stale)

    assert (await ask_password(client, "alice"))[0] == 200
    assert (await User.get(id=user.id)).password_hash != stale
    assert (await ask_password(client, "alice"))[0] == 200


async def test_sessions_are_listed_and_ended(client: Client) -> None:
    user = await make_user("alice")
    headers = await login(client, user)
    _, other, _ = await ask_password(client, "alice", User_Agent="Some app/1.0")

    listed = await (
        await client.get(f"/api/v1/users/{user.id}/token-sessions", headers=headers)
    ).json()
    ensure_answers("TokenSession", listed["data"][0])
    theirs = next(each for each in listed["data"] if not each["currentSession"])
    path = f"/api/v1/users/{user.id}/token-sessions/{theirs['id']}/revoke"

    assert listed["total"] == 2
    assert theirs["loginDevice"] == "Some app/1.0"
    assert theirs["loginIP"] == "127.0.0.1"
    assert (await client.post(path, headers=headers)).status == 204
    assert await me(client, other["access_token"]) == 401
    assert (await client.post(path, headers=headers)).status == 404


async def test_other_peoples_sessions_are_none_of_mine(client: Client) -> None:
    alice, bob = await make_user("alice"), await make_user("bob")
    await login(client, bob)
    session = await Session.get(user_id=bob.id)
    headers = await login(client, alice)

    listed = await client.get(f"/api/v1/users/{bob.id}/token-sessions", headers=headers)
    ended = await client.post(
        f"/api/v1/users/{bob.id}/token-sessions/{session.id}/revoke", headers=headers
    )
    mine = await client.post(
        f"/api/v1/users/{alice.id}/token-sessions/{session.id}/revoke", headers=headers
    )

    assert (listed.status, ended.status, mine.status) == (403, 403, 404)
    assert await Session.filter(id=session.id).exists()
