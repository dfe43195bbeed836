"""The pages of signing up, and those that links in mails lead to."""

import pytest

from app.accounts.models import Registration, Session, SessionKind, User
from app.core.auth import Role
from tests.factories import PASSWORD, login, make_user
from tests.mailbox import mails
from tests.registration.conftest import Client, Configure, can_log_in


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
