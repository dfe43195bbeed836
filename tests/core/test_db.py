"""The pool stays whole, transactions nest, statements end."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager

import asyncpg
import pytest
from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError

from app.accounts.models import Account
from app.config import settings
from app.core import db as database
from app.core.db import execute, fetch, fetchrow, fetchval, transaction
from app.core.models import Tick
from tests.factories import make_channel, make_user, make_video
from tests.statements import StatementCounter

MaxQueries = Callable[[int], AbstractContextManager[StatementCounter]]


async def test_cancelled_transactions_leave_the_pool_whole(db_commit: None) -> None:
    async def work() -> None:
        async with transaction():
            await fetchval("SELECT 1")

    chance = random.Random(7)
    for _ in range(20):
        tasks = [asyncio.get_running_loop().create_task(work()) for _ in range(40)]
        for task in tasks:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    pool = get_connection("default")._pool
    assert pool.get_idle_size() == pool.get_size()
    assert await asyncio.wait_for(fetchval("SELECT 7"), 5) == 7


async def test_a_nested_transaction_is_a_savepoint(db_commit: None) -> None:
    async with transaction():
        await execute("INSERT INTO tick (name, due_at) VALUES ('outer', now())")
        with pytest.raises(LookupError):
            async with transaction():
                await execute("INSERT INTO tick (name, due_at) VALUES ('inner', now())")
                raise LookupError
        async with transaction():
            await execute("INSERT INTO tick (name, due_at) VALUES ('second', now())")
    rows = await fetch("SELECT name FROM tick ORDER BY name")
    assert [row["name"] for row in rows] == ["outer", "second"]


async def test_models_and_sql_share_a_transaction(db_commit: None) -> None:
    with pytest.raises(LookupError):
        async with transaction():
            await Tick.create(name="one", due_at="2026-01-01T00:00:00Z")
            row = await fetchrow("SELECT name FROM tick")
            assert row is not None
            assert row["name"] == "one"
            raise LookupError
    assert await fetchrow("SELECT name FROM tick") is None
    assert await Tick.all().count() == 0


async def test_execute_gives_the_number_of_rows(db: None) -> None:
    insert = "INSERT INTO tick (name, due_at) SELECT n::text, now() FROM generate_series(1, 3) n"
    assert await execute(insert) == 3
    assert await execute("DELETE FROM tick WHERE name > $1", "1") == 2


async def test_a_statement_may_not_run_for_ever(
    db_commit: None, settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 1.0)
    async with database.database(settings_env["KINORA_DATABASE__URL"]):
        with pytest.raises(TimeoutError):
            await fetchval("SELECT pg_sleep(60)")
        assert await fetchval("SELECT 1") == 1


async def test_what_libpq_knows_may_stand_in_the_address(settings_env: dict[str, str]) -> None:
    """Between hosts, PostgreSQL is asked with sslmode=require."""
    url = settings_env["KINORA_DATABASE__URL"] + "&sslmode="
    async with database.database(url + "prefer"):
        assert await fetchval("SELECT 1") == 1
    with pytest.raises(asyncpg.ClientConfigurationError, match="sslmode"):
        async with database.database(url + "sideways"):
            pytest.fail("there is no such mode")


@pytest.mark.parametrize("host", ["data.example", "[fd00::1]:5433", ""])
def test_the_address_that_may_be_logged_has_no_password(host: str) -> None:
    url = f"postgresql://kinora:pass%2Fword@{host}/site?host=/run/postgresql"
    told = database.tortoise_config(url)["connections"]["default"]["credentials"]
    assert told["password"] == "pass/word"
    assert told["dsn"] == f"postgresql://kinora@{host}/site?host=/run/postgresql"


async def test_a_full_pool_is_an_error_not_a_hang(
    settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ACQUIRE_SECONDS", 0.05)
    async with database.database(settings().database.url.get_secret_value(), pool_size=1):
        inside, leave = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with transaction():
                inside.set()
                await leave.wait()

        holder = asyncio.get_running_loop().create_task(hold())
        await inside.wait()
        with pytest.raises(TimeoutError):
            async with transaction():
                pytest.fail("there is no second connection")
        leave.set()
        await holder


async def test_handles_are_unique_over_accounts_and_channels(db: None) -> None:
    user = await make_user("ada", channel=None)
    account = await Account.get(user_id=user.id)
    for name in ("ada", "ADA"):
        with pytest.raises(IntegrityError):
            async with transaction():
                await make_channel(account, name=name)
    await make_channel(account, name="movies")
    with pytest.raises(IntegrityError):
        async with transaction():
            await make_user("Movies", channel=None)
    await make_channel(account, name="ada", host="elsewhere.example")


async def test_two_who_want_one_handle_at_once(db_commit: None) -> None:
    user = await make_user("owner", channel=None)
    account = await Account.get(user_id=user.id)
    wishes = [make_channel(account, name="prize"), Account.create(name="prize", display_name="P")]
    results = await asyncio.gather(*wishes, return_exceptions=True)
    assert [type(result) for result in results].count(IntegrityError) == 1


async def test_the_counter_names_what_was_sent(db: None, max_queries: MaxQueries) -> None:
    with max_queries(1) as counter:
        await fetch("SELECT 1")
    assert counter.statements == ["SELECT 1"]
    with pytest.raises(pytest.fail.Exception, match=r"2\. SELECT 3"), max_queries(1):
        await fetchval("SELECT 2")
        await fetchval("SELECT 3")
    with max_queries(0):
        async with transaction():
            pass


async def test_a_test_leaves_nothing_behind(settings_env: dict[str, str], db_commit: None) -> None:
    await make_video()
    await empty(settings_env)
    assert await fetchval("SELECT count(*) FROM video") == 0


async def empty(settings_env: dict[str, str]) -> None:
    connection = await asyncpg.connect(settings_env["KINORA_DATABASE__URL"])
    try:
        await connection.execute("DELETE FROM video")
    finally:
        await connection.close()
