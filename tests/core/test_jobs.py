"""The promises of `enqueue`, of an attempt and of its end; without Redis, by `drain`."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from app.core.db import Row, execute, fetch, fetchrow, fetchval, transaction
from app.core.errors import ConflictError, NotFoundError
from app.core.jobs import (
    JobContext,
    Lane,
    LostLease,
    Priority,
    cancel,
    cancel_job,
    drain,
    enqueue,
    job,
    jobs_of,
    retry_job,
)
from app.core.jobs_attempt import Outcome, attempt, claim, give_back, take_back
from app.core.jobs_kinds import backoff
from app.core.models import JOB_TRANSITIONS, JobState
from tests.core import jobs_for_tests as kinds


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    kinds.forget()
    yield
    kinds.forget()


async def row_of(job_id: UUID | None) -> Row:
    row = await fetchrow("SELECT *, run_at - now() AS wait FROM job WHERE id = $1", job_id)
    assert row is not None
    return row


async def enqueued(*args: object, **kwargs: object) -> UUID:
    job_id = await enqueue(*args, **kwargs)  # type: ignore[arg-type]
    assert job_id is not None
    return job_id


async def test_a_job_runs_once_and_is_done(db_commit: None) -> None:
    job_id = await enqueued(kinds.note, text="hello", subject="video:1", owner_id=7)
    assert await drain() == [Outcome.DONE]
    assert kinds.ran["note"] == ["hello"]
    row = await row_of(job_id)
    assert (row["state"], row["attempt"], row["progress"]) == (JobState.DONE, 1, 1)
    assert row["finished_at"] >= row["started_at"] >= row["created_at"]
    assert await drain() == []


async def test_a_job_of_a_transaction_that_is_rolled_back_never_was(db_commit: None) -> None:
    with pytest.raises(LookupError):
        async with transaction():
            await enqueue(kinds.note, text="ghost")
            raise LookupError
    assert await drain() == []
    assert await fetchval("SELECT count(*) FROM job") == 0


async def test_a_job_goes_by_the_name_of_its_kind(db_commit: None) -> None:
    await enqueue("tests.note", text="by name")
    await drain()
    assert kinds.ran["note"] == ["by name"]
    with pytest.raises(LookupError, match=r"tests\.unheard_of"):
        await enqueue("tests.unheard_of")


async def test_two_functions_cannot_do_one_kind() -> None:
    with pytest.raises(LookupError, match="two functions"):

        @job("tests.note")
        async def impostor(_ctx: JobContext) -> None:
            pass


async def test_a_unique_key_is_taken_while_the_job_lives(db_commit: None) -> None:
    first = await enqueue(kinds.note, text="one", unique_key="only")
    assert first is not None
    assert await enqueue(kinds.note, text="two", unique_key="only") is None
    await drain()
    assert await enqueue(kinds.note, text="three", unique_key="only") is not None
    await drain()
    assert kinds.ran["note"] == ["one", "three"]


async def test_the_order_is_by_priority_then_by_age(db_commit: None) -> None:
    for text, priority in (
        ("extra", Priority.EXTRA),
        ("normal", Priority.NORMAL),
        ("first", Priority.FIRST),
        ("second normal", Priority.NORMAL),
    ):
        await enqueue(kinds.note, text=text, priority=priority)
    await drain()
    assert kinds.ran["note"] == ["first", "normal", "second normal", "extra"]


async def test_a_job_is_not_run_before_its_time(db_commit: None) -> None:
    await enqueue(kinds.note, text="later", run_at=datetime.now(UTC) + timedelta(hours=1))
    assert await drain() == []
    assert await drain(ahead=timedelta(hours=2)) == [Outcome.DONE]


async def test_drain_of_one_lane_leaves_the_others(db_commit: None) -> None:
    await enqueue(kinds.note, text="here")
    await enqueue(kinds.federate)
    assert await drain(Lane.FEDERATION) == [Outcome.DONE]
    assert kinds.ran["note"] == []


async def test_a_failure_is_tried_again_later_and_ends_dead(db_commit: None) -> None:
    job_id = await enqueued(kinds.fail, how="error")
    assert await drain() == [Outcome.AGAIN]
    row = await row_of(job_id)
    assert row["state"] == JobState.QUEUED
    assert row["error"] == "ValueError: broken by design"
    assert timedelta(seconds=1) < row["wait"] < timedelta(seconds=3)
    assert await drain(ahead=timedelta(hours=1)) == [Outcome.DEAD]
    assert (await row_of(job_id))["state"] == JobState.DEAD
    assert kinds.ran["buried"] == [({"how": "error"}, "ValueError: broken by design")]
    assert await fetchval("SELECT count(*) FROM tick WHERE name = 'buried'") == 1


def test_the_backoff_doubles_up_to_an_hour() -> None:
    for number, seconds in ((1, 2), (2, 4), (5, 32), (12, 3600), (40, 3600)):
        for _ in range(20):
            assert 0.75 * seconds <= backoff(number).total_seconds() <= 1.25 * seconds


async def test_a_job_may_ask_for_a_delay(db_commit: None) -> None:
    job_id = await enqueued(kinds.fail, how="retry")
    assert await drain() == [Outcome.AGAIN]
    assert timedelta(minutes=6) < (await row_of(job_id))["wait"] <= timedelta(minutes=7)


async def test_a_fatal_failure_has_no_second_attempt(db_commit: None) -> None:
    job_id = await enqueued(kinds.fail, how="fatal")
    assert await drain() == [Outcome.DEAD]
    assert (await row_of(job_id))["error"] == "The file has no picture."
    assert kinds.ran["buried"] == [({"how": "fatal"}, "The file has no picture.")]


async def test_a_burial_that_fails_is_tried_again(db_commit: None) -> None:
    await execute("INSERT INTO tick (name, due_at) VALUES ('no burial', now())")
    job_id = await enqueued(kinds.fail, how="fatal", max_attempts=1)
    assert await drain() == [Outcome.AGAIN]
    assert (await row_of(job_id))["state"] == JobState.QUEUED
    await execute("DELETE FROM tick")
    assert await drain(ahead=timedelta(hours=2)) == [Outcome.DEAD]
    assert (await row_of(job_id))["error"] == "The file has no picture."
    assert kinds.ran["fail"] == ["fatal"]
    assert await fetchval("SELECT count(*) FROM tick WHERE name = 'buried'") == 1


async def test_a_job_that_takes_too_long_is_cut_off(db_commit: None) -> None:
    job_id = await enqueued(kinds.slow)
    assert await drain() == [Outcome.AGAIN]
    assert (await row_of(job_id))["error"] == "TimeoutError"


async def test_a_dead_job_can_be_run_again(db_commit: None) -> None:
    job_id = await enqueued(kinds.fail, how="fatal", unique_key="mend me")
    await drain()
    await retry_job(job_id)
    row = await row_of(job_id)
    assert (row["state"], row["attempt"]) == (JobState.QUEUED, 0)
    with pytest.raises(ConflictError):
        await retry_job(job_id)
    await drain()
    assert await enqueue(kinds.fail, how="fatal", unique_key="mend me") is not None
    with pytest.raises(ConflictError, match="already queued"):
        await retry_job(job_id)
    with pytest.raises(NotFoundError):
        await retry_job(uuid4())


async def test_effects_and_end_are_one(db_commit: None) -> None:
    failing = await enqueued(kinds.effect, name="half", fail=True)
    await enqueue(kinds.effect, name="whole")
    assert sorted(await drain()) == [Outcome.AGAIN, Outcome.DONE]
    assert await fetchval("SELECT array_agg(name) FROM tick") == ["whole"]
    assert (await row_of(failing))["state"] == JobState.QUEUED


async def test_what_lost_its_lease_changes_nothing(db_commit: None) -> None:
    job_id = await enqueued(kinds.effect, name="once")
    first = await claim(job_id, worker="one")
    assert first is not None
    assert await claim(job_id, worker="two") is None
    assert await take_back("one") == 1
    second = await claim(job_id, worker="two")
    assert second is not None
    assert await attempt(first) is Outcome.LOST
    with pytest.raises(LostLease):
        await first.context.progress(0.5)
    assert await fetchval("SELECT count(*) FROM tick") == 0
    assert await attempt(second) is Outcome.DONE
    assert await fetchval("SELECT count(*) FROM tick") == 1


async def test_a_failure_after_the_lease_was_lost_changes_nothing(db_commit: None) -> None:
    for how in ("error", "fatal"):
        job_id = await enqueued(kinds.fail, how=how)
        first = await claim(job_id, worker="one")
        assert first is not None
        await take_back("one")
        second = await claim(job_id, worker="two")
        assert second is not None
        assert await attempt(first) is Outcome.LOST
        assert (await row_of(job_id))["worker"] == "two"
    assert await fetchval("SELECT count(*) FROM tick") == 0


async def test_what_is_given_back_costs_no_attempt(db_commit: None) -> None:
    job_id = await enqueued(kinds.note, text="restarted often")
    for _ in range(30):
        assert await claim(job_id, worker="one") is not None
        assert await give_back("one") == 1
    assert await drain() == [Outcome.DONE]


async def test_a_job_that_kills_its_workers_ends_dead(db_commit: None) -> None:
    job_id = await enqueued(kinds.fail, how="killer")
    for _ in range(2):
        assert await claim(job_id, worker="one") is not None
        assert await take_back("one") == 1
    assert await drain() == [Outcome.DEAD]
    assert kinds.ran["fail"] == []
    assert (await row_of(job_id))["error"] == "The worker died."
    assert kinds.ran["buried"] == [({"how": "killer"}, "The worker died.")]


async def test_cancelled_jobs_do_not_run(db_commit: None) -> None:
    one = await enqueued(kinds.note, text="one", subject="video:1")
    await enqueue(kinds.note, text="two", subject="video:1")
    await enqueue(kinds.note, text="other", subject="video:2")
    assert await cancel(subject="video:1", except_id=one) == 1
    assert await cancel_job(one)
    assert not await cancel_job(one)
    await drain()
    assert kinds.ran["note"] == ["other"]
    await retry_job(one)
    await drain()
    assert kinds.ran["note"] == ["other", "one"]


async def test_a_cancel_that_is_rolled_back_cancels_nothing(db_commit: None) -> None:
    await enqueue(kinds.note, text="stays", subject="video:1")
    with pytest.raises(LookupError):
        async with transaction():
            await cancel(subject="video:1")
            raise LookupError
    assert await drain() == [Outcome.DONE]


async def test_the_jobs_of_a_subject(db_commit: None) -> None:
    running = await enqueued(kinds.note, text="one", subject="video:1")
    await enqueue(kinds.note, text="two", subject="video:1")
    claimed = await claim(running, worker="one")
    assert claimed is not None
    await claimed.context.progress(0.25)
    rows = await jobs_of("video:1")
    assert [(row["state"], row["progress"], row["active"]) for row in rows] == [
        (JobState.RUNNING, 0.25, True),
        (JobState.QUEUED, 0, False),
    ]
    await cancel(subject="video:1")
    rows = await jobs_of("video:1")
    assert [row["state"] for row in rows] == [JobState.CANCELLED] * 2
    assert [row["active"] for row in rows] == [True, False]  # its worker has not let go yet


async def test_progress_stays_between_0_and_1(db_commit: None) -> None:
    job_id = await enqueued(kinds.note, text="")
    claimed = await claim(job_id, worker="one")
    assert claimed is not None
    await claimed.context.progress(7.5)
    assert (await row_of(job_id))["progress"] == 1


async def test_a_job_of_an_unknown_kind_is_left_for_another_worker(db_commit: None) -> None:
    job_id = await enqueued(kinds.note, text="from the future")
    await execute("UPDATE job SET kind = 'tests.of_the_next_release', sent_at = now()")
    assert await claim(job_id, worker="old") is None
    row = await row_of(job_id)
    assert (row["state"], row["attempt"], row["sent_at"]) == (JobState.QUEUED, 0, None)
    assert row["wait"] > timedelta(seconds=5)


async def test_only_allowed_transitions_happen(db_commit: None) -> None:
    """Every path above, watched by a trigger that knows the table of transitions."""
    allowed = [f"{old}>{new}" for old, following in JOB_TRANSITIONS.items() for new in following]
    async with transaction():
        await execute(
            f"""CREATE FUNCTION watch_jobs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF OLD.state <> NEW.state
                    AND NOT OLD.state || '>' || NEW.state = ANY (ARRAY{allowed}) THEN
                    RAISE EXCEPTION '% to %', OLD.state, NEW.state;
                END IF;
                RETURN NEW; END $$"""
        )
        await execute(
            "CREATE TRIGGER watch BEFORE UPDATE ON job FOR EACH ROW EXECUTE FUNCTION watch_jobs()"
        )
    try:
        for how in ("error", "fatal", "retry"):
            await enqueue(kinds.fail, how=how)
        await enqueue(kinds.note, text="done")
        stopped = await enqueued(kinds.note, text="cancelled")
        await cancel_job(stopped)
        await drain(ahead=timedelta(hours=2))
        for row in await fetch("SELECT id FROM job WHERE state <> 'done'"):
            await retry_job(row["id"])
        await drain(ahead=timedelta(hours=2))
    finally:
        await execute("DROP FUNCTION watch_jobs CASCADE")
    assert kinds.ran["note"] == ["done", "cancelled"]


async def test_many_who_claim_one_job_get_it_once(db_commit: None) -> None:
    job_id = await enqueued(kinds.note, text="wanted")
    claims = await asyncio.gather(*(claim(job_id, worker=str(n)) for n in range(8)))
    assert [each is not None for each in claims].count(True) == 1
