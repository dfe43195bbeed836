"""Signing up: open, by approval, closed; the mails that verify addresses and reset passwords."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.accounts.models import (
    OneTimeToken,
    Registration,
    RegistrationState,
    Session,
    SessionKind,
    User,
)
from app.accounts.passwords import verify_password
from app.channels.models import Channel
from app.core.auth import Role
from app.registration import service
from app.registration.schemas import RegistrationRequest, Review
from tests.contract.peertube import ensure_answers
from tests.factories import PASSWORD, login, make_user
from tests.mailbox import mails

Client = TestClient[web.Request, web.Application]
Configure = Callable[..., None]
USERS = "/api/v1/users"
NEW: dict[str, Any] = {
    "username": "dora",
    "password": "long enough",
    "email": "dora@example.org",
}
ASKED = NEW | {"registrationReason": "I make films of hills."}


async def status(client: Client, path: str, body: dict[str, Any], **options: Any) -> int:
    return (await client.post(f"{USERS}{path}", json=body, **options)).status


async def can_log_in(client: Client, name: str = "dora", password: str = "long enough") -> bool:
    local = await (await client.get("/api/v1/oauth-clients/local")).json()
    form = local | {"grant_type": "password", "username": name, "password": password}
    return (await client.post(f"{USERS}/token", data=form)).status == 200


async def test_an_open_site_takes_everybody(client: Client, configure: Configure) -> None:
    configure(signup__mode="open", users__quota=5000)
    body = NEW | {
        "displayName": "Dora",
        "channel": {"name": "hills", "displayName": "Hills of Wales"},
    }

    assert await status(client, "/register", body) == 204

    user = await User.get(username="dora").select_related("account")
    channel = await Channel.get()
    assert (user.role, user.video_quota, user.email_verified) == (Role.USER, 5000, None)
    assert user.account.display_name == "Dora"
    assert (channel.name, channel.display_name) == ("hills", "Hills of Wales")
    assert await can_log_in(client)


async def test_without_a_channel_the_default_one_is_made(
    client: Client, configure: Configure
) -> None:
    configure(signup__mode="open")

    assert await status(client, "/register", NEW) == 204

    channel = await Channel.get()
    assert (channel.name, channel.display_name) == ("dora_channel", "Main dora channel")


@pytest.mark.parametrize("mode", ["closed", "approval"])
async def test_nobody_registers_where_that_is_not_open(
    client: Client, configure: Configure, mode: str
) -> None:
    configure(signup__mode=mode)

    assert await status(client, "/register", NEW) == 403
    assert not await User.all().exists()


@pytest.mark.parametrize(("mode", "refused"), [("closed", 403), ("open", 400)])
async def test_nobody_asks_where_no_approval_is_needed(
    client: Client, configure: Configure, mode: str, refused: int
) -> None:
    configure(signup__mode=mode)

    assert await status(client, "/registrations/request", ASKED) == refused


async def test_a_full_site_takes_nobody(client: Client, configure: Configure) -> None:
    configure(signup__mode="open", signup__limit=1)
    await make_user()

    assert await status(client, "/register", NEW) == 403


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"username": "TAKEN"}, 400),
        ({"username": "taken"}, 409),
        ({"username": "taken_channel"}, 409),
        ({"email": "taken@EXAMPLE.org"}, 409),
        ({"channel": {"name": "taken", "displayName": "x"}}, 409),
        ({"channel": {"name": "dora", "displayName": "x"}}, 400),
        ({"channel": {"name": "hills"}}, 400),
        ({"password": "short"}, 400),
        ({"email": "nowhere"}, 400),
    ],
)
async def test_names_must_be_free_and_good(
    client: Client, configure: Configure, change: dict[str, Any], refused: int
) -> None:
    configure(signup__mode="open")
    await make_user("taken")

    assert await status(client, "/register", NEW | change) == refused
    assert await User.all().count() == 1


async def test_sign_ups_of_an_address_are_counted(client: Client, configure: Configure) -> None:
    configure(signup__mode="open", rate_limits__enabled=True, rate_limits__signup="2/300")
    await make_user("taken")

    taken = [await status(client, "/register", NEW | {"username": "taken"}) for _ in range(3)]
    made = [
        await status(client, "/register", NEW | {"username": name, "email": f"{name}@example.org"})
        for name in ("eva", "fred", "gus")
    ]

    assert taken == [409] * 3
    assert made == [204, 204, 429]


async def test_an_address_is_verified_before_anybody_gets_in(
    client: Client, configure: Configure
) -> None:
    configure(signup__mode="open", signup__verify_email=True, mail__host="127.0.0.1")

    assert await status(client, "/register", NEW) == 204
    (mail,) = await mails()
    before = await can_log_in(client)
    path = f"/{mail.query['userId']}/verify-email"
    wrong = await status(client, path, {"verificationString": "guessed"})
    right = await status(client, path, {"verificationString": mail.query["verificationString"]})
    again = await status(client, path, {"verificationString": mail.query["verificationString"]})

    assert mail.to == "dora@example.org"
    assert "Kinora" in mail.subject
    assert not before
    assert (wrong, right, again) == (403, 204, 403)
    assert await can_log_in(client)


async def test_nobody_signs_up_where_addresses_cannot_be_verified(
    client: Client, configure: Configure
) -> None:
    configure(signup__mode="open", signup__verify_email=True)

    assert await status(client, "/register", NEW) == 403


async def test_the_mail_is_sent_again_and_only_the_last_link_works(
    client: Client, configure: Configure
) -> None:
    configure(signup__mode="open", signup__verify_email=True, mail__host="127.0.0.1")
    await status(client, "/register", NEW)

    known = await status(client, "/ask-send-verify-email", {"email": "DORA@example.org"})
    unknown = await status(client, "/ask-send-verify-email", {"email": "nobody@example.org"})
    first, last = await mails()
    path = f"/{last.query['userId']}/verify-email"

    assert (known, unknown) == (204, 204)
    assert (
        await status(client, path, {"verificationString": first.query["verificationString"]}) == 403
    )
    assert (
        await status(client, path, {"verificationString": last.query["verificationString"]}) == 204
    )
    assert await status(client, "/ask-send-verify-email", {"email": "dora@example.org"}) == 204
    assert len(await mails()) == 2


async def test_one_users_link_is_no_others(client: Client, configure: Configure) -> None:
    configure(signup__mode="open", signup__verify_email=True, mail__host="127.0.0.1")
    await status(client, "/register", NEW)
    (mail,) = await mails()
    other = await make_user(email_verified=False)

    answer = await status(
        client,
        f"/{other.id}/verify-email",
        {"verificationString": mail.query["verificationString"]},
    )

    assert answer == 403
    assert (await User.get(id=other.id)).email_verified is False


async def test_a_password_is_reset_by_mail(client: Client, configure: Configure) -> None:
    configure(mail__host="127.0.0.1")
    user = await make_user("dora", email_verified=False)
    headers = await login(client, user)

    known = await status(client, "/ask-reset-password", {"email": "dora@example.org"})
    unknown = await status(client, "/ask-reset-password", {"email": "nobody@example.org"})
    (mail,) = await mails()
    secret = mail.query["verificationString"]
    path = f"/{mail.query['userId']}/reset-password"
    short = await status(client, path, {"verificationString": secret, "password": "short"})
    wrong = await status(client, path, {"verificationString": "x", "password": "new password"})
    right = await status(client, path, {"verificationString": secret, "password": "new password"})
    again = await status(client, path, {"verificationString": secret, "password": "third password"})

    assert (known, unknown) == (204, 204)
    assert mail.link.startswith("http://127.0.0.1:9000/reset-password?userId=")
    assert (short, wrong, right, again) == (400, 403, 204, 403)
    after = await User.get(id=user.id)
    assert await verify_password(after.password_hash, "new password")
    assert after.email_verified is True
    assert (await client.get(f"{USERS}/me", headers=headers)).status == 401
    assert (
        await status(
            client, "/9999/reset-password", {"verificationString": "x", "password": "new password"}
        )
        == 404
    )


async def test_a_link_is_too_old_after_an_hour(client: Client, configure: Configure) -> None:
    configure(mail__host="127.0.0.1")
    await make_user("dora")
    await status(client, "/ask-reset-password", {"email": "dora@example.org"})
    (mail,) = await mails()
    token = await OneTimeToken.get()
    await OneTimeToken.all().update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    answer = await status(
        client,
        f"/{mail.query['userId']}/reset-password",
        {"verificationString": mail.query["verificationString"], "password": "new password"},
    )

    assert timedelta(minutes=59) < token.expires_at - token.created_at <= timedelta(minutes=61)
    assert answer == 403


async def test_only_the_hash_of_a_mailed_secret_is_kept(
    client: Client, configure: Configure
) -> None:
    configure(mail__host="127.0.0.1")
    await make_user("dora")
    await status(client, "/ask-reset-password", {"email": "dora@example.org"})
    (mail,) = await mails()

    token = await OneTimeToken.get()

    assert mail.query["verificationString"].encode() not in bytes(token.token_hash)
    assert len(token.token_hash) == 32


@pytest.mark.parametrize("path", ["/ask-reset-password", "/ask-send-verify-email"])
async def test_a_site_without_mail_says_so(client: Client, path: str) -> None:
    assert await status(client, path, {"email": "dora@example.org"}) == 409


async def test_a_blocked_user_gets_no_link(client: Client, configure: Configure) -> None:
    configure(mail__host="127.0.0.1")
    await make_user("dora", blocked=True)

    assert await status(client, "/ask-reset-password", {"email": "dora@example.org"}) == 204
    assert await mails() == []


async def test_a_request_is_accepted(client: Client, configure: Configure) -> None:
    configure(signup__mode="approval", mail__host="127.0.0.1")
    headers = await login(client, await make_user(role=Role.MODERATOR))
    body = ASKED | {"displayName": "Dora", "channel": {"name": "hills", "displayName": "Hills"}}

    asked = await client.post(f"{USERS}/registrations/request", json=body)
    answer = await asked.json()
    ensure_answers("UserRegistration", answer)
    before = await can_log_in(client)
    listed = await (await client.get(f"{USERS}/registrations", headers=headers)).json()
    accepted = await status(
        client,
        f"/registrations/{answer['id']}/accept",
        {"moderationResponse": "Welcome!"},
        headers=headers,
    )
    again = await status(
        client,
        f"/registrations/{answer['id']}/reject",
        {"moderationResponse": "Or not."},
        headers=headers,
    )
    (mail,) = await mails()

    assert asked.status == 200
    assert answer["state"] == {"id": 1, "label": "Pending"}
    assert not before
    assert listed["total"] == 1
    assert (accepted, again) == (204, 409)
    assert await can_log_in(client)
    assert (await Channel.get(name="hills")).display_name == "Hills"
    assert (mail.to, "Welcome!" in mail.text) == ("dora@example.org", True)
    after = await Registration.get()
    assert (after.state, after.password_hash) == (RegistrationState.ACCEPTED, "!")
    assert after.user_id == (await User.get(username="dora")).id


async def test_a_request_is_rejected_quietly_or_not(client: Client, configure: Configure) -> None:
    configure(signup__mode="approval", mail__host="127.0.0.1")
    headers = await login(client, await make_user(role=Role.MODERATOR))
    other = ASKED | {"username": "eva", "email": "eva@example.org"}
    ids = [
        (await (await client.post(f"{USERS}/registrations/request", json=body)).json())["id"]
        for body in (ASKED, other)
    ]

    for number, quiet in zip(ids, (False, True), strict=True):
        body = {"moderationResponse": "No hills here.", "preventEmailDelivery": quiet}
        assert await status(client, f"/registrations/{number}/reject", body, headers=headers) == 204

    assert [mail.to for mail in await mails()] == ["dora@example.org"]
    assert not await User.filter(username="dora").exists()


async def test_requests_are_filtered_and_forgotten(client: Client, configure: Configure) -> None:
    configure(signup__mode="approval")
    headers = await login(client, await make_user(role=Role.MODERATOR))
    for name in ("dora", "eva"):
        body = ASKED | {"username": name, "email": f"{name}@example.org"}
        await client.post(f"{USERS}/registrations/request", json=body)
    dora = await Registration.get(username="dora")
    await service.reject(dora.id, Review(moderation_response="No."))

    async def names(query: str) -> list[str]:
        found = await client.get(f"{USERS}/registrations?{query}", headers=headers)
        return [each["username"] for each in (await found.json())["data"]]

    assert await names("") == ["eva", "dora"]
    assert await names("sort=createdAt") == ["dora", "eva"]
    assert await names("search=DOR") == ["dora"]
    assert await names("stateOneOf=1") == ["eva"]
    assert await names("stateOneOf[]=1&stateOneOf[]=2") == ["eva", "dora"]
    path = f"{USERS}/registrations/{dora.id}"
    assert (await client.delete(path, headers=headers)).status == 204
    assert (await client.delete(path, headers=headers)).status == 404
    assert await names("") == ["eva"]


@pytest.mark.parametrize(
    "change",
    [
        {"username": "eva"},
        {"email": "eva@example.org"},
        {"username": "eva", "email": "eva@example.org"},
    ],
)
async def test_one_request_at_a_time(
    client: Client, configure: Configure, change: dict[str, str]
) -> None:
    configure(signup__mode="approval")

    assert await status(client, "/registrations/request", ASKED) == 200
    assert await status(client, "/registrations/request", ASKED) == 409
    second = {"username": "eva", "email": "eva@example.org"} | {
        name: ASKED[name] for name in ASKED if name not in ("username", "email")
    }
    mixed = second | {name: ASKED[name] for name in ("username", "email") if name not in change}
    expected = 200 if set(change) == {"username", "email"} else 409
    assert await status(client, "/registrations/request", mixed) == expected


async def test_requests_are_for_those_who_moderate(client: Client) -> None:
    headers = await login(client, await make_user())

    assert (await client.get(f"{USERS}/registrations", headers=headers)).status == 403
    assert (await client.get(f"{USERS}/registrations")).status == 401
    assert await status(client, "/registrations/1/accept", {}, headers=headers) == 403


async def test_the_address_of_a_request_is_verified(client: Client, configure: Configure) -> None:
    configure(signup__mode="approval", signup__verify_email=True, mail__host="127.0.0.1")
    await status(client, "/registrations/request", ASKED)
    (first,) = await mails()

    again = await status(
        client, "/registrations/ask-send-verify-email", {"email": "dora@example.org"}
    )
    last = (await mails())[-1]
    path = f"/registrations/{last.query['registrationId']}/verify-email"
    old = await status(client, path, {"verificationString": first.query["verificationString"]})
    right = await status(client, path, {"verificationString": last.query["verificationString"]})
    unknown = await status(client, "/registrations/99/verify-email", {"verificationString": "x"})
    user = await service.accept((await Registration.get()).id, Review(moderation_response="Yes."))

    assert (again, old, right, unknown) == (204, 403, 204, 404)
    assert user.email_verified is True
    assert await can_log_in(client)


async def test_the_page_signs_up_and_in(client: Client, configure: Configure) -> None:
    configure(signup__mode="open")
    form = {"username": "dora", "email": "dora@example.org", "password": "long enough"}
    headers = {"Sec-Fetch-Site": "same-origin"}

    shown = await (await client.get("/signup")).text()
    wrong = await client.post("/signup", data=form | {"username": "D ora"}, headers=headers)
    answer = await client.post("/signup", data=form, headers=headers, allow_redirects=False)

    assert 'name="registration_reason"' not in shown
    assert wrong.status == 400
    assert 'value="D ora"' in await wrong.text()
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert await Session.filter(user__username="dora").exists()


async def test_the_page_asks_where_approval_is_needed(client: Client, configure: Configure) -> None:
    configure(signup__mode="approval")
    form = {"username": "dora", "email": "dora@example.org", "password": "long enough"}
    headers = {"Sec-Fetch-Site": "same-origin"}

    without = await client.post("/signup", data=form, headers=headers)
    answer = await client.post(
        "/signup", data=form | {"registration_reason": "Hills."}, headers=headers
    )
    asked = await Registration.get()
    reviewer = await make_user(role=Role.MODERATOR)
    moderator = await login(client, reviewer, kind=SessionKind.COOKIE)
    listed = await (await client.get("/admin/registrations", headers=moderator)).text()
    decided = await client.post(
        f"/admin/registrations/{asked.id}",
        data={"moderation_response": "Yes.", "decision": "accept"},
        headers=moderator | headers,
        allow_redirects=False,
    )

    assert without.status == 400
    assert answer.status == 200
    assert "Your request is on its way" in await answer.text()
    assert f"/admin/registrations/{asked.id}" in listed
    assert decided.status == 303
    assert await can_log_in(client)


async def test_the_page_says_that_it_is_closed(client: Client) -> None:
    answer = await client.get("/signup")

    assert answer.status == 403
    assert '<form method="post" action="/signup"' not in await answer.text()


async def test_links_of_mails_lead_to_pages_that_work(client: Client, configure: Configure) -> None:
    configure(signup__mode="open", signup__verify_email=True, mail__host="127.0.0.1")
    headers = {"Sec-Fetch-Site": "same-origin"}
    form = {"username": "dora", "email": "dora@example.org", "password": "long enough"}

    signed_up = await client.post("/signup", data=form, headers=headers)
    (mail,) = await mails()
    page = await client.get(mail.link.removeprefix("http://127.0.0.1:9000"))
    opened = (await User.get()).email_verified
    verified = await client.post(
        "/verify-account/email",
        data={
            "user_id": mail.query["userId"],
            "verification_string": mail.query["verificationString"],
        },
        headers=headers,
        allow_redirects=False,
    )
    await client.post("/reset-password/ask", data={"email": "dora@example.org"}, headers=headers)
    reset = (await mails())[-1]
    reset_page = await client.get(reset.link.removeprefix("http://127.0.0.1:9000"))
    changed = await client.post(
        "/reset-password",
        data={
            "user_id": reset.query["userId"],
            "verification_string": reset.query["verificationString"],
            "password": "new password",
        },
        headers=headers,
        allow_redirects=False,
    )

    assert signed_up.status == page.status == reset_page.status == 200
    assert opened is False
    assert (verified.status, verified.headers["Location"]) == (303, "/login")
    assert (changed.status, changed.headers["Location"]) == (303, "/login")
    assert await can_log_in(client, password="new password")


@pytest.mark.parametrize(
    "path",
    ["/login", "/reset-password/ask", "/verify-account/ask-send-email", "/reset-password"],
)
async def test_each_page_is_shown(client: Client, configure: Configure, path: str) -> None:
    assert (await client.get(path)).status == 200
    configure(mail__host="127.0.0.1")
    assert (await client.get(path)).status == 200


async def test_a_wrong_link_is_no_fault_of_ours(client: Client) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"}

    for path in ("/verify-account/email", "/reset-password"):
        for query in (
            "",
            "?userId=x",
            "?userId=99999999999999999999",
            "?userId=5&verificationString=x",
        ):
            assert (await client.get(path + query)).status in (200, 400)
        for form in (
            {},
            {"user_id": "x"},
            {"user_id": "5", "verification_string": "x", "password": PASSWORD},
        ):
            answer = await client.post(path, data=form, headers=headers)
            assert 400 <= answer.status < 500, (path, form)


async def test_a_request_accepted_after_its_name_was_taken_stays(
    client: Client, configure: Configure
) -> None:
    configure(signup__mode="approval")
    asked = await service.request(
        RegistrationRequest(
            username="dora", password=PASSWORD, email="d@example.org", registration_reason="Hills."
        )
    )
    await make_user("dora")
    headers = await login(client, await make_user(role=Role.MODERATOR))

    answer = await status(
        client, f"/registrations/{asked.id}/accept", {"moderationResponse": "Yes."}, headers=headers
    )

    assert answer == 409
    assert (await Registration.get()).state is RegistrationState.PENDING
