import asyncio
from collections.abc import Iterator

import pytest

from app.core import pagination
from app.core.pagination import counted, forget_totals


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Table:
    """Counts how often it is counted; each time takes a second of the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[tuple[object, ...]] = []
        self.rows = 5
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def fetchval(self, sql: str, *arguments: object) -> int:
        self.asked.append((sql, *arguments))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.clock.now += 1
        return self.rows


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    clock = Clock()
    found = Table(clock)
    monkeypatch.setattr(pagination, "fetchval", found.fetchval)
    monkeypatch.setattr(pagination, "KEPT_TIMES", 200)
    monkeypatch.setattr(pagination, "time", clock)
    forget_totals()
    yield found
    forget_totals()


async def test_a_total_is_kept_two_hundred_times_as_long_as_it_took(table: Table) -> None:
    assert await counted("SELECT 1", 1) == 5
    table.rows = 6
    table.clock.now += 199
    assert await counted("SELECT 1", 1) == 5
    table.clock.now += 1
    assert await counted("SELECT 1", 1) == 6
    assert len(table.asked) == 2


async def test_each_question_has_its_own_total(table: Table) -> None:
    for arguments in ((1,), (2,), ([1, 2],), ([1, 3],), ()):
        await counted("SELECT 1", *arguments)
        await counted("SELECT 1", *arguments)
    assert [arguments for _, *arguments in table.asked] == [[1], [2], [[1, 2]], [[1, 3]], []]


async def test_of_many_askers_one_counts(table: Table) -> None:
    table.gate = asyncio.Event()
    askers = asyncio.gather(*(counted("SELECT 1") for _ in range(10)))
    await asyncio.sleep(0)
    table.gate.set()
    assert await askers == [5] * 10
    assert len(table.asked) == 1


async def test_when_the_one_who_counts_gives_up_another_goes_on(table: Table) -> None:
    table.gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(counted("SELECT 1"))
        second = group.create_task(counted("SELECT 1"))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        table.gate.set()
    assert first.cancelled()
    assert second.result() == 5


async def test_a_failure_is_not_remembered(table: Table) -> None:
    table.error = TimeoutError("slow")
    with pytest.raises(TimeoutError):
        await counted("SELECT 1")
    table.error = None
    assert await counted("SELECT 1") == 5


async def test_memory_is_bounded(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "CAPACITY", 3)
    for number in range(10):
        await counted("SELECT 1", number)
    assert len(pagination._totals) == 3
    await counted("SELECT 1", 9)
    assert len(table.asked) == 10


async def test_forgetting(table: Table) -> None:
    await counted("SELECT 1")
    forget_totals()
    table.rows = 7
    assert await counted("SELECT 1") == 7


async def test_on_a_real_database(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "KEPT_TIMES", 0)
    assert await counted("SELECT count(*) FROM generate_series(1, $1::int)", 12) == 12
