"""Making users: their names, their channels, their first passwords."""

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import User
from app.accounts.passwords import UNUSABLE, verify_password
from app.channels.models import Channel
from app.core.errors import ConflictError
from app.users import service
from app.users.schemas import NewUser
from tests.contract.peertube import ensure_answers
from tests.factories import make_user
from tests.mailbox import mails
from tests.users.conftest import USERS, Client, log_in


async def test_a_user_is_made_with_account_and_channel(client: Client) -> None:
    headers = await log_in(client)

    answer = await client.post(
        USERS,
        json={
            "username": "carla",
            "password": "long enough",
            "email": "carla@example.org",
            "role": 2,
            "videoQuota": 5_000_000,
            "videoQuotaDaily": -1,
        },
        headers=headers,
    )
    body = await answer.json()
    ensure_answers("AddUserResponse", body)
    found = await (await client.get(f"{USERS}/{body['user']['id']}", headers=headers)).json()

    assert answer.status == 200
    assert found["account"]["id"] == body["user"]["account"]["id"]
    assert found["videoQuota"] == 5_000_000
    assert [(each["name"], each["displayName"]) for each in found["videoChannels"]] == [
        ("carla_channel", "Main carla channel")
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"username": "Carla"}, 400),
        ({"username": "car la"}, 400),
        ({"username": ".carla"}, 400),
        ({"username": "carla."}, 400),
        ({"username": "x" * 51}, 400),
        ({"username": ""}, 400),
        ({"password": "short"}, 400),
        ({"password": ""}, 400),
        ({"email": "carla"}, 400),
        ({"email": "carla@example"}, 400),
        ({"role": 7}, 400),
        ({"videoQuota": -2}, 400),
        ({"channelName": "no/slash"}, 400),
        ({"username": "taken"}, 409),
        ({"username": "taken_channel"}, 409),
        ({"username": "peertube"}, 409),
        ({"email": "TAKEN@example.org"}, 409),
        ({"channelName": "Taken"}, 409),
        ({"channelName": "CARLA"}, 409),
    ],
)
async def test_names_addresses_and_passwords_follow_the_rules(
    client: Client, change: dict[str, Any], status: int
) -> None:
    await make_user("taken")
    headers = await log_in(client)
    body = {"username": "carla", "password": "long enough", "email": "c@example.org", "role": 2}

    answer = await client.post(USERS, json=body | change, headers=headers)

    assert answer.status == status
    assert not await User.filter(username__in=["carla", "Carla"]).exists()


@pytest.mark.parametrize(
    "username", ["a", "_", "0", "a.b", "a-b", "under_score", "9lives", "x" * 50]
)
async def test_good_names_are_taken(db: None, username: str) -> None:
    new = NewUser(username=username, email="a@example.org")

    user = await service.create_user(new, password_hash="x", email_verified=None)

    channel = await Channel.get(account__user_id=user.id)
    assert channel.name.startswith(username[:42])
    assert channel.name.endswith("_channel")
    assert len(channel.name) <= 50


async def test_a_default_channel_steps_aside_for_a_taken_name(db: None) -> None:
    await make_user("carla_channel", channel="other")

    user = await service.create_user(
        NewUser(username="carla", email="c@example.org"), password_hash="x", email_verified=None
    )

    channel = await Channel.get(account__user_id=user.id)
    assert channel.name.startswith("carla_channel_")


async def test_without_a_password_a_mail_asks_for_one(
    client: Client, configure: Callable[..., None]
) -> None:
    configure(mail__host="127.0.0.1")
    headers = await log_in(client)

    answer = await client.post(
        USERS,
        json={"username": "carla", "password": "", "email": "carla@example.org", "role": 2},
        headers=headers,
    )
    (mail,) = await mails()
    before = (await User.get(username="carla")).password_hash
    chosen = await client.post(
        f"{USERS}/{mail.query['userId']}/reset-password",
        json={
            "verificationString": mail.query["verificationString"],
            "password": "my own password",
        },
    )

    assert answer.status == 200
    assert mail.to == "carla@example.org"
    assert before == UNUSABLE
    assert chosen.status == 204
    after = (await User.get(username="carla")).password_hash
    assert await verify_password(after, "my own password")


async def test_two_cannot_take_one_name(db: None) -> None:
    await service.create_user(
        NewUser(username="carla", email="a@example.org"), password_hash="x", email_verified=None
    )

    with pytest.raises(ConflictError) as refused:
        await service.create_user(
            NewUser(username="carla", email="b@example.org"), password_hash="x", email_verified=None
        )

    assert refused.value.field == "username"
