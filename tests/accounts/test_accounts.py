"""Accounts as everybody sees them, the name space, passwords and one-time tokens."""

import asyncio
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient
from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY
from PIL import Image

from app.accounts import passwords, tokens
from app.accounts.models import Account, TokenPurpose
from app.accounts.names import split_handle
from app.core.db import transaction
from app.core.jobs import drain
from app.core.storage import storage
from app.users.schemas import NewUser
from app.users.service import create_user
from tests.contract.peertube import ensure_answers
from tests.factories import cheap_hash, login, make_channel, make_user

Client = TestClient[web.Request, web.Application]
ACCOUNTS = "/api/v1/accounts"


def picture(tmp_path: Path, *, name: str = "a.png", size: tuple[int, int] = (900, 700)) -> Path:
    path = tmp_path / name
    Image.new("RGB", size, (200, 40, 40)).save(path)
    return path


async def kept(folder: str) -> set[str]:
    """The keys of the pictures in storage."""
    return {key async for key in storage().list(f"{folder}/")}


async def send_picture(
    client: Client, path: str, file: Path, *, field: str, headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    """Status and answer of a picture sent in a form."""
    form = FormData()
    form.add_field(
        field, io.BytesIO(file.read_bytes()), filename=file.name, content_type="image/png"
    )
    answer = await client.post(path, data=form, headers=headers)
    return answer.status, await answer.json() if answer.content_length else {}


async def test_an_account_is_described_as_peertube_does(client: Client) -> None:
    user = await make_user("alice", display_name="Alice L.")

    found = await (await client.get(f"{ACCOUNTS}/alice")).json()

    ensure_answers("Account", found)
    assert found["name"] == "alice"
    assert found["displayName"] == "Alice L."
    assert found["userId"] == user.id
    assert found["url"] == "http://127.0.0.1:9000/accounts/alice"
    assert found["host"] == "127.0.0.1:9000"
    assert found["createdAt"].endswith("Z")


@pytest.mark.parametrize(
    ("handle", "status"),
    [
        ("alice", 200),
        ("ALICE", 200),
        ("alice@127.0.0.1:9000", 200),
        ("@alice@127.0.0.1:9000", 200),
        ("alice@elsewhere.example", 404),
        ("nobody", 404),
        ("alice_channel", 404),
        ("%00", 400),
        ("x" * 500, 404),
    ],
)
async def test_an_account_is_found_by_its_handles(client: Client, handle: str, status: int) -> None:
    await make_user("alice")

    assert (await client.get(f"{ACCOUNTS}/{handle}")).status == status


def test_handles_are_split(settings_env: dict[str, str]) -> None:
    assert split_handle("bob") == ("bob", None)
    assert split_handle("bob@127.0.0.1:9000") == ("bob", None)
    assert split_handle("@bob@Other.Example") == ("bob", "other.example")
    assert split_handle("") == ("", None)


async def test_accounts_are_listed_in_pages(
    client: Client, max_queries: Callable[[int], Any]
) -> None:
    for name in ("anna", "bert", "carl"):
        await make_user(name)

    with max_queries(2):
        listed = await (await client.get(f"{ACCOUNTS}?sort=name&count=2")).json()
    rest = await (await client.get(f"{ACCOUNTS}?sort=name&start=2")).json()

    assert listed["total"] == 3
    assert [each["name"] for each in listed["data"]] == ["anna", "bert"]
    assert [each["name"] for each in rest["data"]] == ["carl"]
    ensure_answers("Account", listed["data"][0])


@pytest.mark.parametrize("query", ["sort=password", "count=101", "start=-1", "count=x"])
async def test_a_bad_list_is_told(client: Client, query: str) -> None:
    answer = await client.get(f"{ACCOUNTS}?{query}")

    assert answer.status == 400
    assert list((await answer.json())["invalid-params"]) == [query.partition("=")[0]]


async def test_the_channels_of_an_account(client: Client) -> None:
    user = await make_user("alice")
    await make_channel(user, name="hills", display_name="Hills of Wales")
    await make_user("bob")

    listed = await (await client.get(f"{ACCOUNTS}/alice/video-channels")).json()
    found = await (await client.get(f"{ACCOUNTS}/alice/video-channels?search=WALES")).json()
    beyond = await (await client.get(f"{ACCOUNTS}/alice/video-channels?start=5")).json()
    with_stats = f"{ACCOUNTS}/alice/video-channels?withStats=true"
    mine = await (await client.get(with_stats, headers=await login(client, user))).json()
    theirs = await (await client.get(with_stats)).json()

    ensure_answers("VideoChannelList", listed)
    assert listed["total"] == 2
    assert [each["name"] for each in listed["data"]] == ["alice_channel", "hills"]
    assert [each["name"] for each in found["data"]] == ["hills"]
    assert beyond["data"] == []
    assert mine["data"][0]["videosCount"] == 0
    assert "videosCount" not in theirs["data"][0]
    assert (await client.get(f"{ACCOUNTS}/nobody/video-channels")).status == 404


async def test_an_avatar_is_kept_in_four_sizes_and_replaced(client: Client, tmp_path: Path) -> None:
    user = await make_user("alice")
    headers = await login(client, user)
    path = "/api/v1/users/me/avatar/pick"

    status, first = await send_picture(
        client, path, picture(tmp_path), field="avatarfile", headers=headers
    )
    old = [f"avatars/{each['filename']}" for each in (await Account.get(user=user)).avatars]
    _, second = await send_picture(
        client, path, picture(tmp_path), field="avatarfile", headers=headers
    )
    await drain()
    found = await (await client.get(f"{ACCOUNTS}/alice")).json()

    assert status == 200
    ensure_answers("ActorImage", first["avatars"][0])
    assert [each["width"] for each in first["avatars"]] == [48, 120, 600, 1500]
    assert all(each["width"] == each["height"] for each in first["avatars"])
    assert first["avatars"][0]["fileUrl"] == ("http://127.0.0.1:9000" + first["avatars"][0]["path"])
    assert found["avatars"] == second["avatars"]
    assert not any([await storage().exists(key) for key in old])
    for image in second["avatars"]:
        file = await client.get(image["path"])
        assert file.status == 200
        assert file.content_type == "image/jpeg"


async def test_an_avatar_is_taken_away(client: Client, tmp_path: Path) -> None:
    user = await make_user("alice")
    headers = await login(client, user)
    before = await kept("avatars")
    await send_picture(
        client,
        "/api/v1/users/me/avatar/pick",
        picture(tmp_path),
        field="avatarfile",
        headers=headers,
    )

    answer = await client.delete("/api/v1/users/me/avatar", headers=headers)
    await drain()

    assert answer.status == 204
    assert (await Account.get(user=user)).avatars == []
    assert await kept("avatars") == before


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
async def test_what_is_no_picture_is_told(client: Client, tmp_path: Path, content: bytes) -> None:
    headers = await login(client, await make_user())
    file = tmp_path / "a.png"
    file.write_bytes(content)
    before = await kept("avatars")

    status, problem = await send_picture(
        client, "/api/v1/users/me/avatar/pick", file, field="avatarfile", headers=headers
    )

    assert status == 400
    assert problem["detail"]
    assert await kept("avatars") == before


async def test_too_large_a_picture_is_told(client: Client, tmp_path: Path) -> None:
    headers = await login(client, await make_user())
    file = tmp_path / "a.png"
    file.write_bytes(b"\x89PNG" + bytes(5 * 1024 * 1024))

    status, _ = await send_picture(
        client, "/api/v1/users/me/avatar/pick", file, field="avatarfile", headers=headers
    )

    assert status == 413


async def test_a_name_is_taken_once_though_two_want_it(db_commit: None) -> None:
    async def sign_up(number: int) -> bool:
        new = NewUser(username="alice", email=f"a{number}@example.org")
        try:
            async with transaction():
                await create_user(new, password_hash="x", email_verified=None)
        except Exception:  # noqa: BLE001 - whichever way it is refused
            return False
        return True

    made = await asyncio.gather(*(sign_up(number) for number in range(4)))

    assert sorted(made) == [False, False, False, True]
    assert await Account.filter(name="alice").count() == 1


async def test_real_hashes_are_argon2id_of_rfc_9106(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY))

    made = await passwords.hash_password("a password")

    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await passwords.verify_password(made, "a password")
    assert not await passwords.verify_password(made, "another one")
    assert not passwords.is_outdated(made)
    assert passwords.is_outdated(cheap_hash("a password"))


@pytest.mark.parametrize("stored", [None, passwords.UNUSABLE, "", "nonsense", "$argon2id$broken"])
async def test_without_a_good_hash_no_password_is_right(stored: str | None) -> None:
    assert not await passwords.verify_password(stored, "")
    assert not await passwords.verify_password(stored, "nobody has this password")


async def test_a_token_works_once(db: None) -> None:
    user = await make_user()
    secret = await tokens.issue(
        TokenPurpose.RESET_PASSWORD,
        lifetime=timedelta(hours=1),
        user_id=user.id,
        payload={"a": 1},
    )

    looked_up = await tokens.look_up(TokenPurpose.RESET_PASSWORD, secret)
    other = await tokens.redeem(TokenPurpose.VERIFY_EMAIL, secret)
    first = await tokens.redeem(TokenPurpose.RESET_PASSWORD, secret)
    second = await tokens.redeem(TokenPurpose.RESET_PASSWORD, secret)

    assert looked_up == first == tokens.Redeemed(user.id, None, {"a": 1})
    assert other is None
    assert second is None


async def test_a_token_is_void_after_so_many_guesses(db: None) -> None:
    user = await make_user()
    secret = await tokens.issue(
        TokenPurpose.TWO_FACTOR_LOGIN, lifetime=timedelta(minutes=5), user_id=user.id
    )

    await tokens.spoil(TokenPurpose.TWO_FACTOR_LOGIN, secret, guesses=2)
    still = await tokens.look_up(TokenPurpose.TWO_FACTOR_LOGIN, secret)
    await tokens.spoil(TokenPurpose.TWO_FACTOR_LOGIN, secret, guesses=2)

    assert still is not None
    assert await tokens.look_up(TokenPurpose.TWO_FACTOR_LOGIN, secret) is None
