"""Events reach their subscribers, in order, inside the publisher's transaction."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.core import events
from app.core.db import execute, fetchval, transaction
from app.core.events import publish, subscribe
from app.core.jobs import drain, enqueue
from tests.core import jobs_for_tests as kinds


@dataclass(frozen=True)
class Happened:
    """An event."""

    what: str


@dataclass(frozen=True)
class HappenedElsewhere(Happened):
    """Another one; no subscriber of the first hears it."""


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    for event in (Happened, HappenedElsewhere):
        events._subscribers.pop(event, None)


async def test_subscribers_hear_in_the_order_they_subscribed() -> None:
    heard: list[str] = []

    @subscribe(Happened)
    async def first(event: Happened) -> None:
        heard.append(f"first {event.what}")

    @subscribe(Happened)
    async def second(event: Happened) -> None:
        heard.append(f"second {event.what}")

    assert subscribe(Happened)(first) is first  # a module that is imported twice hears once
    await publish(Happened("now"))
    await publish(HappenedElsewhere("far away"))
    assert heard == ["first now", "second now"]


async def test_an_event_and_its_jobs_commit_with_their_cause(db_commit: None) -> None:
    kinds.forget()

    @subscribe(Happened)
    async def owe(event: Happened) -> None:
        await enqueue(kinds.note, text=event.what)

    with pytest.raises(LookupError):
        async with transaction():
            await publish(Happened("undone"))
            raise LookupError
    async with transaction():
        await publish(Happened("done"))
    await drain()
    assert kinds.ran["note"] == ["done"]


async def test_a_subscriber_that_fails_undoes_the_cause(db_commit: None) -> None:
    @subscribe(Happened)
    async def fail(_: Happened) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        async with transaction():
            await execute("INSERT INTO tick (name, due_at) VALUES ('cause', now())")
            await publish(Happened("now"))
    assert await fetchval("SELECT count(*) FROM tick") == 0
