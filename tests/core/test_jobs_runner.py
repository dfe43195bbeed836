"""What a worker does: slots, leases, cancels, stops; and that it outlives Redis and PostgreSQL."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from app.core import jobs_carrier as carrier
from app.core.db import execute, fetch, fetchval
from app.core.jobs import JobState, Lane, cancel, cancel_job, enqueue, jobs_of
from app.core.jobs_process import has_died, process_name, take_back_of_the_dead
from tests import servers
from tests.core import jobs_for_tests as kinds
from tests.core.crew import crew, heard, until, until_state


@pytest.fixture(autouse=True)
def _fresh(configure: Callable[..., None]) -> Iterator[None]:
    configure(workers__lease_seconds=3)
    kinds.forget()
    yield
    kinds.forget()


async def all_done() -> bool:
    return not await fetchval("SELECT count(*) FROM job WHERE state <> 'done'")


async def test_a_cancelled_job_is_cut_off_at_once(db_commit: None) -> None:
    async with crew() as everybody:
        runner = everybody.worker(transcode=2)
        everybody.dispatcher()
        job_id = await enqueue(kinds.encode, name="long", subject="video:1")
        await heard(kinds.started["long"])
        assert await cancel(subject="video:1") == 1
        async with asyncio.timeout(1):  # the promise, not a measurement
            await kinds.cut_off["long"].wait()

        async def let_go() -> bool:
            return not any(row["active"] for row in await jobs_of("video:1"))

        await until(let_go)
        row = await until_state(job_id, JobState.CANCELLED)
        assert row["finished_at"] is not None
        assert runner.free(Lane.TRANSCODE) == 2


async def test_a_cancel_that_was_not_heard_is_seen_by_the_heartbeat(
    db_commit: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.jobs_runner.Runner._hear_cancelled", lambda *_: None)
    async with crew() as everybody:
        everybody.worker(transcode=2)
        everybody.dispatcher()
        job_id = await enqueue(kinds.encode, name="long")
        await heard(kinds.started["long"])
        assert job_id is not None
        await cancel_job(job_id)
        await heard(kinds.cut_off["long"])


async def test_a_worker_that_stops_gives_its_jobs_to_the_next(db_commit: None) -> None:
    async with crew() as everybody:
        everybody.worker("one", transcode=2)
        everybody.dispatcher()
        job_id = await enqueue(kinds.encode, name="long")
        await heard(kinds.started["long"])
        await everybody.stop("one")
        assert kinds.cut_off["long"].is_set()
        row = await until_state(job_id, JobState.QUEUED)
        assert (row["attempt"], row["worker"]) == (0, None)
        assert await fetchval("SELECT count(*) FROM worker") == 0
        kinds.released["long"].set()
        everybody.worker("two", transcode=2)
        row = await until_state(job_id, JobState.DONE)
        assert (row["attempt"], row["worker"]) == (1, "two")


async def test_a_job_that_swallows_a_cancel_is_told_again(
    db_commit: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.jobs_runner.CLEAN_UP_SECONDS", 0.4)
    async with crew() as everybody:
        runner = everybody.worker(transcode=1)
        everybody.dispatcher()
        job_id = await enqueue(kinds.stubborn)
        await heard(kinds.started["stubborn"])
        await everybody.stop("worker")
        assert runner.running == {}
        assert (await until_state(job_id, JobState.QUEUED))["attempt"] == 0


async def test_a_worker_drops_what_it_no_longer_owns(db_commit: None) -> None:
    async with crew() as everybody:
        everybody.worker(transcode=2)
        everybody.dispatcher()
        job_id = await enqueue(kinds.encode, name="long")
        await heard(kinds.started["long"])
        await execute(
            "UPDATE job SET worker = 'another', attempt = 2, lease_until = now() + interval '1 day'"
        )
        await heard(kinds.cut_off["long"])
        row = await until_state(job_id, JobState.RUNNING)
        assert (row["worker"], row["attempt"]) == ("another", 2)


async def test_leases_are_kept_while_work_goes_on(db_commit: None) -> None:
    async with crew() as everybody:
        everybody.worker(transcode=2)
        everybody.dispatcher()
        job_id = await enqueue(kinds.encode, name="long")
        await heard(kinds.started["long"])
        first = (await until_state(job_id, JobState.RUNNING))["lease_until"]

        async def renewed() -> bool:
            lease = await fetchval("SELECT lease_until - now() FROM job WHERE id = $1", job_id)
            now = await fetchval("SELECT now()")
            return bool(now > first and lease.total_seconds() > 0)

        await until(renewed)  # longer than its first lease, and still there
        kinds.released["long"].set()
        assert (await until_state(job_id, JobState.DONE))["attempt"] == 1


async def test_a_second_delivery_does_nothing(db_commit: None, redis_server: str) -> None:
    async with crew() as everybody:
        everybody.worker(transcode=2)
        everybody.dispatcher()
        job_id = await enqueue(kinds.encode, name="once")
        await heard(kinds.started["once"])
        assert job_id is not None
        redis = carrier.connect(redis_server)
        await carrier.send(redis, lane="transcode", job_ids=[job_id, job_id])
        await execute("SELECT pg_notify('job_sent', 'transcode')")

        async def taken() -> bool:
            return not await redis.zcard("kinora:lane:transcode")

        await until(taken)
        kinds.released["once"].set()
        assert (await until_state(job_id, JobState.DONE))["attempt"] == 1
        await carrier.send(redis, lane="transcode", job_ids=[job_id])
        await execute("SELECT pg_notify('job_sent', 'transcode')")
        await until(taken)
        await carrier.disconnect(redis)
    assert kinds.ran["encode"] == ["once"]


async def test_one_worker_serves_several_lanes(db_commit: None) -> None:
    async with crew() as everybody:
        everybody.worker(default=1, federation=1)
        everybody.dispatcher()
        await enqueue(kinds.note, text="one lane")
        await enqueue(kinds.federate)
        await until(all_done)
        lanes = await fetch("SELECT id, slots FROM worker ORDER BY lane")
        assert {row["id"]: row["slots"] for row in lanes} == {
            "worker/default": 1,
            "worker/federation": 1,
        }


async def test_running_jobs_outlive_redis(
    db_commit: None, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.jobs_dispatcher.RESEND_SECONDS", 1)
    redis = servers.start_redis(watched=os.getpid())
    configure(redis__url=f"unix://{redis.folder}/redis.sock", workers__lease_seconds=3)
    async with crew() as everybody:
        everybody.worker(default=2, transcode=2)
        everybody.dispatcher()
        running = await enqueue(kinds.encode, name="through it all")
        await heard(kinds.started["through it all"])
        redis.stop()
        waiting = await enqueue(kinds.note, text="sent by the next Redis")
        kinds.released["through it all"].set()
        assert (await until_state(running, JobState.DONE))["attempt"] == 1
        redis.folder.mkdir()
        redis = servers.start_redis(watched=os.getpid(), folder=redis.folder)
        assert (await until_state(waiting, JobState.DONE))["attempt"] == 1
    redis.stop()
    assert kinds.ran["encode"] == ["through it all"]


async def test_running_jobs_outlive_lost_connections(
    db_commit: None, settings_env: dict[str, str]
) -> None:
    """As after a restart of PostgreSQL: every connection of the site is gone at once."""
    async with crew() as everybody:
        everybody.worker(default=2, transcode=2)
        everybody.dispatcher()
        running = await enqueue(kinds.encode, name="through it all")
        await heard(kinds.started["through it all"])
        other = await asyncpg.connect(settings_env["KINORA_DATABASE__URL"])
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()
        kinds.released["through it all"].set()

        async def done() -> bool:
            try:
                return bool((await until_state(running, JobState.DONE))["attempt"] == 1)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                return False

        await until(done)
        after = await enqueue(kinds.note, text="and then")
        assert (await until_state(after, JobState.DONE))["attempt"] == 1
    assert kinds.ran["encode"] == ["through it all"]


async def test_a_stuck_redis_is_no_reason_to_hang(
    db_commit: None, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "REDIS_SECONDS", 0.2)
    redis = Redis.from_url(redis_server)
    async with crew() as everybody:
        everybody.worker()
        everybody.dispatcher()
        await redis.execute_command("CLIENT", "PAUSE", "1500", "ALL")
        job_id = await enqueue(kinds.note, text="after the pause")
        await until_state(job_id, JobState.DONE)
    await redis.aclose()


def test_a_process_knows_which_others_have_died() -> None:
    mine = process_name()
    assert process_name() == mine
    assert not has_died(mine)
    machine, _, _ = mine.rpartition(f"{os.getpid()}:")
    assert has_died(f"{machine}{os.getpid()}:1")  # the number was somebody else's before
    assert has_died(f"{machine}{_unused_pid()}:1")
    assert not has_died(f"elsewhere:{_unused_pid()}:1")


def _unused_pid() -> int:
    highest = int(Path("/proc/sys/kernel/pid_max").read_text())
    return next(pid for pid in range(highest - 1, 1, -1) if not Path(f"/proc/{pid}").exists())


async def test_a_new_worker_takes_back_what_died_on_its_machine(db_commit: None) -> None:
    machine, _, _ = process_name().rpartition(f"{os.getpid()}:")
    dead = f"{machine}{_unused_pid()}:1"
    for name, worker in (("theirs", dead), ("elsewhere", "far away"), ("mine", process_name())):
        job_id = await enqueue(kinds.note, text=name)
        await execute(
            "UPDATE job SET state = 'running', attempt = 1, worker = $2,"
            " lease_until = now() + interval '1 day' WHERE id = $1",
            job_id,
            worker,
        )
        await execute(
            "INSERT INTO worker VALUES ($1 || '/default', 'default', 1, '{}', now(), now())", worker
        )
    assert await take_back_of_the_dead() == 1
    rows = await fetch("SELECT payload->>'text' AS text, state FROM job ORDER BY 1")
    assert [tuple(row) for row in rows] == [
        ("elsewhere", "running"),
        ("mine", "running"),
        ("theirs", "queued"),
    ]
    assert await fetchval("SELECT count(*) FROM worker WHERE id LIKE $1", f"{dead}%") == 0
