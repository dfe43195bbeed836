"""Which job goes next, how many ids are sent, and what is sent again."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from app.core.db import execute, fetch, fetchval
from app.core.ids import new_uuid
from app.core.jobs import JobState, Lane, Priority, enqueue
from app.core.jobs_dispatcher import Load, Ready, choose
from tests.core import jobs_for_tests as kinds
from tests.core.crew import crew, heard, until, until_state


@pytest.fixture(autouse=True)
def _fresh(configure: Callable[..., None]) -> Iterator[None]:
    configure(workers__lease_seconds=3)
    kinds.forget()
    yield
    kinds.forget()


def ready(*wishes: tuple[int, int], owner_slots: int | None = None) -> list[Ready]:
    """Jobs by (priority, owner), oldest first, in the order that the database gives them."""
    jobs = [Ready(new_uuid(), priority, owner, owner_slots) for priority, owner in wishes]
    return sorted(jobs, key=lambda each: -each.priority)


def owners(chosen: list[Ready]) -> list[int]:
    return [each.owner for each in chosen]


def test_priority_goes_before_everything() -> None:
    jobs = ready((0, 1), (-10, 2), (10, 3), (0, 4))
    assert owners(choose(jobs, Load(9, Counter({3: 5})))) == [3, 1, 4, 2]


def test_no_more_than_the_free_slots() -> None:
    jobs = ready(*[(0, 1)] * 9)
    assert len(choose(jobs, Load(5, Counter({2: 3})))) == 2
    assert choose(jobs, Load(3, Counter({2: 3}))) == []
    assert choose(jobs, Load(1, Counter({2: 3}))) == []


def test_owners_share_the_slots() -> None:
    storm = ready(*[(0, 1)] * 20, (0, 2), (0, 2), (0, 3))
    assert owners(choose(storm, Load(6, Counter()))) == [1, 2, 3, 1, 2, 1]
    assert owners(choose(storm, Load(8, Counter({1: 4})))) == [2, 3, 2, 1]


def test_a_single_slot_goes_round() -> None:
    served: Counter[int] = Counter()
    turns = []
    for _ in range(5):
        jobs = ready(*[(0, 1)] * 5, *[(0, 2)] * 5, (0, 3))
        turns += owners(choose(jobs, Load(1, Counter(), served=served)))
    assert turns == [1, 2, 3, 1, 2]


def test_extra_jobs_leave_a_slot_for_somebody_who_waits() -> None:
    extra = ready(*[(-10, 1)] * 9)
    assert len(choose(extra, Load(4, Counter()))) == 3
    assert len(choose(extra, Load(4, Counter({2: 2}), extra=2))) == 1
    assert choose(extra, Load(4, Counter({2: 3}), extra=3)) == []
    assert owners(choose([*ready((10, 7)), *extra], Load(4, Counter({2: 3}), extra=3))) == [7]
    assert len(choose(extra, Load(1, Counter()))) == 1  # one slot is all there is


def test_an_owner_holds_no_more_than_its_slots() -> None:
    jobs = ready(*[(0, 1)] * 5, (0, 2), owner_slots=2)
    assert owners(choose(jobs, Load(9, Counter()))) == [1, 2, 1]
    assert owners(choose(jobs, Load(9, Counter({1: 2})))) == [2]


async def test_only_as_many_are_sent_as_slots_are_free(db_commit: None) -> None:
    async with crew() as everybody:
        everybody.worker(transcode=2)
        everybody.dispatcher()
        for name in ("a", "b", "c", "d"):
            await enqueue(kinds.encode, name=name)
        await heard(kinds.started["a"])
        await heard(kinds.started["b"])
        assert await sent() == 0
        # Decided late: what is enqueued now still goes before what waits.
        await enqueue(kinds.encode, name="urgent", priority=Priority.FIRST)
        kinds.released["a"].set()
        await heard(kinds.started["urgent"])
        for name in ("b", "c", "d", "urgent"):
            kinds.released[name].set()
        await until(all_done)
        assert sorted(kinds.ran["encode"][:2]) == ["a", "b"]
        assert kinds.ran["encode"][2] == "urgent"


async def sent() -> int:
    count: int = await fetchval(
        "SELECT count(*) FROM job WHERE state = 'queued' AND sent_at IS NOT NULL"
    )
    return count


async def all_done() -> bool:
    return not await fetchval("SELECT count(*) FROM job WHERE state <> 'done'")


async def test_a_first_job_finds_a_slot_beside_extra_ones(db_commit: None) -> None:
    async with crew() as everybody:
        everybody.worker(transcode=3)
        everybody.dispatcher()
        for number in range(6):
            await enqueue(kinds.encode, name=f"extra {number}", priority=Priority.EXTRA)
        await heard(kinds.started["extra 0"])
        await heard(kinds.started["extra 1"])
        await enqueue(kinds.encode, name="first", priority=Priority.FIRST)
        await heard(kinds.started["first"])
        assert not kinds.started["extra 2"].is_set()
        kinds.released["first"].set()
        for number in range(6):
            kinds.released[f"extra {number}"].set()
        await until(all_done)


async def test_an_upload_storm_does_not_keep_others_waiting(db_commit: None) -> None:
    for number in range(50):
        await enqueue(kinds.note, text=f"storm {number}", owner_id=1)
    await enqueue(kinds.note, text="other", owner_id=2)
    async with crew() as everybody:
        everybody.worker(default=1)
        everybody.dispatcher()
        await until(all_done)
    assert kinds.ran["note"].index("other") <= 1
    storm = [text for text in kinds.ran["note"] if text != "other"]
    assert storm == [f"storm {number}" for number in range(50)]


async def test_a_delayed_job_starts_at_its_time(db_commit: None) -> None:
    async with crew() as everybody:
        everybody.worker()
        everybody.dispatcher()
        due = datetime.now(UTC) + timedelta(seconds=0.4)
        job_id = await enqueue(kinds.note, text="later", run_at=due)
        row = await until_state(job_id, JobState.DONE)
        assert row["started_at"] >= due


async def test_what_redis_lost_is_sent_again(
    db_commit: None, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.jobs_dispatcher.RESEND_SECONDS", 1)
    job_id = await enqueue(kinds.note, text="once lost")
    await execute("UPDATE job SET sent_at = now()")
    redis = Redis.from_url(redis_server)
    await redis.flushall()
    await redis.aclose()
    async with crew() as everybody:
        everybody.worker()
        everybody.dispatcher()
        await until_state(job_id, JobState.DONE)
    assert kinds.ran["note"] == ["once lost"]


async def test_a_lease_that_ran_out_is_taken_back(db_commit: None) -> None:
    job_id = await enqueue(kinds.note, text="second attempt")
    await execute(
        "UPDATE job SET state = 'running', attempt = 1, worker = 'dead', lease_until = now()"
    )
    await execute(
        "INSERT INTO worker VALUES"
        " ('dead/default', 'default', 99, '{}', now(), now() - interval '1 hour')"
    )
    async with crew() as everybody:
        everybody.worker()
        everybody.dispatcher()
        row = await until_state(job_id, JobState.DONE)
        assert row["attempt"] == 2

        async def forgotten() -> bool:
            return [row["id"] for row in await fetch("SELECT id FROM worker")] == ["worker/default"]

        await until(forgotten)


async def test_a_lane_without_workers_waits(db_commit: None) -> None:
    async with crew() as everybody:
        everybody.dispatcher()
        waiting = await enqueue(kinds.federate)
        everybody.worker(default=1)
        done = await enqueue(kinds.note, text="other lane")
        await until_state(done, JobState.DONE)
        assert kinds.ran["federate"] == []
        everybody.worker("late", federation=1)
        await until_state(waiting, JobState.DONE)


async def test_several_dispatchers_send_each_job_once(db_commit: None) -> None:
    async with crew() as everybody:
        everybody.worker("one", default=3)
        everybody.worker("two", default=3)
        for number in range(3):
            everybody.dispatcher(f"dispatcher {number}")
        for number in range(100):
            await enqueue(kinds.note, text=str(number))
        await until(all_done)
    assert sorted(kinds.ran["note"], key=int) == [str(number) for number in range(100)]
    assert await fetchval("SELECT max(attempt) FROM job") == 1


async def test_the_choice_is_quick_with_a_long_backlog(db_commit: None) -> None:
    """100,000 ready jobs of 200 owners: found by hops over the index, without reading them all."""
    await execute(
        "INSERT INTO job (id, kind, lane, payload, priority, owner_id, state, attempt, run_at,"
        " max_attempts, progress, created_at)"
        " SELECT gen_random_uuid(), 'tests.note', 'default', '{}', 0, n % 200, 'queued', 0, now(),"
        " 5, 0, now() FROM generate_series(1, 100000) n"
    )
    await execute("ANALYZE job")
    from app.core.jobs_dispatcher import _READY

    plan = await fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) {_READY}", Lane.DEFAULT, 4)
    text = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "Seq Scan on job" not in text, text
    rows = await fetch(_READY, Lane.DEFAULT, 4)
    assert len(rows) == 800
