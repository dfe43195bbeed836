"""The first administrator, and passwords reset by whoever runs the site."""

import pytest

from app.accounts.models import Session, User
from app.accounts.passwords import verify_password
from app.channels.models import Channel
from app.core.auth import Role
from app.core.errors import AppError
from app.users import service
from tests.factories import login, make_user


async def test_the_first_administrator_is_made_once(db: None) -> None:
    chosen = await service.ensure_root(None)
    again = await service.ensure_root("another password")

    root = await User.get()
    assert chosen is not None
    assert again is None
    assert (root.username, root.role, root.email_verified) == ("root", Role.ADMINISTRATOR, True)
    assert await verify_password(root.password_hash, chosen)
    assert await Channel.filter(name="root_channel").exists()


async def test_the_first_administrator_takes_a_given_password(db: None) -> None:
    assert await service.ensure_root("a given password") == "a given password"
    assert await verify_password((await User.get()).password_hash, "a given password")


async def test_the_first_administrator_gets_mail_where_the_sysadmin_reads_it(db: None) -> None:
    await service.ensure_root("a given password", "admin@videos.example.org")
    assert (await User.get()).email == "admin@videos.example.org"


async def test_a_password_is_reset_from_the_command_line(db: None) -> None:
    user = await make_user("carla", otp_secret="A" * 32)
    await login(None, user)

    await service.reset_password("carla", "another password")

    after = await User.get(id=user.id)
    assert await verify_password(after.password_hash, "another password")
    assert after.otp_secret is None
    assert not await Session.all().exists()
    for name, password in (("nobody", "another password"), ("carla", "short")):
        with pytest.raises(AppError):
            await service.reset_password(name, password)
