"""Ticks: due once each, late rather than never, by one dispatcher of several."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib import import_module

import asyncpg
import pytest

from app.core.db import execute, fetch, fetchval
from app.core.jobs import drain
from app.core.jobs_kinds import known_kinds
from app.cron import EPOCH, TIMETABLE, Entry, Timetable
from app.worker import JOB_MODULES
from tests.core import jobs_for_tests

HOURLY = Entry("tests.tick", every=timedelta(hours=1), at=timedelta(minutes=20))


@pytest.fixture
async def database(
    db_commit: None, settings_env: dict[str, str]
) -> AsyncIterator[asyncpg.Connection]:
    """The dispatcher's own connection."""
    connection = await asyncpg.connect(settings_env["KINORA_DATABASE__URL"])
    yield connection
    await connection.close()


async def jobs() -> list[str]:
    return [row["kind"] for row in await fetch("SELECT kind FROM job")]


def test_the_last_tick_before_a_time() -> None:
    def due(hour: int, minute: int) -> datetime:
        return HOURLY.last_due(datetime(2026, 11, 22, hour, minute, tzinfo=UTC))

    assert due(10, 19) == datetime(2026, 11, 22, 9, 20, tzinfo=UTC)
    assert due(10, 20) == due(10, 59) == due(11, 19) == datetime(2026, 11, 22, 10, 20, tzinfo=UTC)
    nightly = Entry("tests.tick", every=timedelta(days=1), at=timedelta(hours=3))
    assert nightly.last_due(EPOCH + timedelta(days=9, hours=2)) == EPOCH + timedelta(
        days=8, hours=3
    )


async def test_a_new_entry_starts_with_its_next_tick(database: asyncpg.Connection) -> None:
    seconds = await Timetable([HOURLY])(database)
    assert 0 < seconds <= 3600
    assert await jobs() == []
    assert await fetchval("SELECT due_at FROM tick") == HOURLY.last_due(datetime.now(UTC))


async def test_missed_ticks_happen_once(database: asyncpg.Connection) -> None:
    await Timetable([HOURLY])(database)
    await execute("UPDATE tick SET due_at = due_at - interval '5 hours'")
    timetable = Timetable([HOURLY])
    await timetable(database)
    await timetable(database)
    await Timetable([HOURLY])(database)  # a restart
    assert await jobs() == ["tests.tick"]
    assert await fetchval("SELECT due_at FROM tick") == HOURLY.last_due(datetime.now(UTC))


async def test_a_tick_while_the_last_job_still_runs_makes_none(
    database: asyncpg.Connection,
) -> None:
    for _ in range(3):
        await Timetable([HOURLY])(database)
        await execute("UPDATE tick SET due_at = due_at - interval '1 hour'")
    assert await jobs() == ["tests.tick"]


async def test_two_dispatchers_make_one_job(
    database: asyncpg.Connection, settings_env: dict[str, str]
) -> None:
    await Timetable([HOURLY])(database)
    await execute("UPDATE tick SET due_at = due_at - interval '1 hour'")
    other = await asyncpg.connect(settings_env["KINORA_DATABASE__URL"])
    await asyncio.gather(Timetable([HOURLY])(database), Timetable([HOURLY])(other))
    await other.close()
    assert await jobs() == ["tests.tick"]


async def test_a_tick_is_a_job_that_runs(database: asyncpg.Connection) -> None:
    jobs_for_tests.forget()
    entry = Entry("tests.federate", every=timedelta(minutes=1))
    await Timetable([entry])(database)
    await execute("UPDATE tick SET due_at = due_at - interval '1 day'")
    await Timetable([entry])(database)
    await drain()
    assert len(jobs_for_tests.ran["federate"]) == 1


def test_every_entry_names_a_kind_in_its_lane() -> None:
    for module in JOB_MODULES:
        import_module(module)
    for entry in TIMETABLE:
        assert known_kinds()[entry.kind].lane is entry.lane
    kinds = [entry.kind for entry in TIMETABLE]
    assert len(kinds) == len(set(kinds))
