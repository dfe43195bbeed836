"""Requests to join, where somebody decides on them."""

import pytest

from app.accounts.models import Registration, RegistrationState, User
from app.channels.models import Channel
from app.core.auth import Role
from app.registration import service
from app.registration.schemas import RegistrationRequest, Review
from tests.contract.peertube import ensure_answers
from tests.factories import PASSWORD, login, make_user
from tests.mailbox import mails
from tests.registration.conftest import ASKED, USERS, Client, Configure, can_log_in, status


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
