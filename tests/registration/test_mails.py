"""Mails that verify addresses and reset passwords: their links, and how long they work."""

from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.models import OneTimeToken, User
from app.accounts.passwords import verify_password
from tests.factories import login, make_user
from tests.mailbox import mails
from tests.registration.conftest import NEW, USERS, Client, Configure, can_log_in, status


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
