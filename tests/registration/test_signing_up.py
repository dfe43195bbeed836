"""Signing up over REST, where a site is open, full or closed."""

from typing import Any

import pytest

from app.accounts.models import User
from app.channels.models import Channel
from app.core.auth import Role
from tests.factories import make_user
from tests.registration.conftest import ASKED, NEW, Client, Configure, can_log_in, status


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
