"""The administrators' look at the jobs: lists, numbers, workers; trying again and cancelling."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.accounts.models import SessionKind
from app.admin import jobs_queries
from app.core.auth import Role
from app.core.db import execute, fetchval
from app.core.ids import new_uuid
from app.core.jobs import Fatal, JobContext, drain, enqueue, job
from tests.factories import login, make_user, make_video

Client = TestClient[web.Request, web.Application]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@job("tests.admin.fails")
async def fails(ctx: JobContext, *, well: bool = False) -> None:
    """Fails for good, unless told to go well."""
    del ctx
    if not well:
        raise Fatal("It broke <badly>.")


@pytest.fixture
async def cookie(client: Client) -> dict[str, str]:
    """The session of an administrator's browser."""
    return await login(client, await make_user(role=Role.ADMINISTRATOR), kind=SessionKind.COOKIE)


async def page(client: Client, cookie: dict[str, str], path: str = "/admin/jobs") -> str:
    """The text of a page."""
    answer = await client.get(path, headers=cookie)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def act(client: Client, cookie: dict[str, str], **fields: Any) -> str:
    """Send the form; gives the page that follows."""
    answer = await client.post("/admin/jobs", data=fields, headers=cookie)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def test_what_failed_is_seen_and_tried_again(client: Client, cookie: dict[str, str]) -> None:
    video = await make_video(name="The film")
    owner = await make_user("owner")
    await enqueue(fails, subject=f"video:{video.id}", owner_id=owner.id)
    await drain()
    text = await page(client, cookie, "/admin/jobs?state=dead")
    for word in ("tests.admin.fails", "It broke &lt;badly&gt;.", "The film", "owner", "1 / 5"):
        assert word in text
    job_id = await fetchval("SELECT id FROM job")
    assert "queued again" in await act(client, cookie, action="retry", job=str(job_id))
    assert await fetchval("SELECT state FROM job") == "queued"
    assert "waiting" in await page(client, cookie, "/admin/jobs?lane=default")
    assert "Only a job that failed" in await act(client, cookie, action="retry", job=str(job_id))
    assert "cancelled" in await act(client, cookie, action="cancel", job=str(job_id))
    assert "ended already" in await act(client, cookie, action="cancel", job=str(job_id))
    assert "no such job" in await act(client, cookie, action="retry", job=str(new_uuid()))


async def test_all_that_failed_is_tried_again(client: Client, cookie: dict[str, str]) -> None:
    for _ in range(3):
        await enqueue(fails)
    await drain()
    assert "3 jobs are queued again" in await act(client, cookie, action="retry")


async def test_what_is_due_later_does_not_wait(db: None) -> None:
    del db
    await enqueue(fails, run_at=datetime.now(UTC) + timedelta(hours=1))
    await enqueue(fails, run_at=datetime.now(UTC) - timedelta(minutes=1))
    numbers = {row["state"]: row["jobs"] for row in await jobs_queries.numbers()}
    assert numbers == {"queued": 1, "delayed": 1}


async def test_workers_tell_their_encoders(client: Client, cookie: dict[str, str]) -> None:
    assert "No worker is alive" in await page(client, cookie)
    await execute(
        "INSERT INTO worker (id, lane, slots, encoders, started_at, seen_at) VALUES"
        " ('blue:1:2/transcode', 'transcode', 2, $1::jsonb, now(), now())",
        '{"x264": null, "nvenc": "Cannot load libcuda.so.1"}',
    )
    text = await page(client, cookie)
    for word in ("blue", "0 / 2", "x264", "nvenc: Cannot load libcuda.so.1"):
        assert word in text


async def test_jobs_in_peertubes_shape(client: Client) -> None:
    headers = await login(client, await make_user(role=Role.ADMINISTRATOR))
    await enqueue(fails)
    await enqueue(fails, well=True)
    await drain()
    await enqueue(fails)
    totals = {}
    for state in ("active", "completed", "failed", "waiting", "delayed"):
        answer = await client.get(f"/api/v1/jobs/{state}", headers=headers)
        assert answer.status == 200
        content = await answer.json()
        totals[state] = content["total"]
        assert [each["state"] for each in content["data"]] == [state] * content["total"]
    assert totals == {"active": 0, "completed": 1, "failed": 1, "waiting": 1, "delayed": 0}
    answer = await client.get("/api/v1/jobs?sort=createdAt&count=1", headers=headers)
    content = await answer.json()
    assert content["total"] == 3
    (first,) = content["data"]
    assert first["error"] == {"message": "It broke <badly>."}
    assert first["type"] == "tests.admin.fails"
    assert (await client.get("/api/v1/jobs/odd", headers=headers)).status == 400


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.USER])
async def test_only_administrators_look_at_jobs(client: Client, role: Role) -> None:
    user = await make_user(role=role)
    headers = await login(client, user)
    assert (await client.get("/api/v1/jobs/failed", headers=headers)).status == 403
    cookie = await login(client, user, kind=SessionKind.COOKIE)
    assert (await client.get("/admin/jobs", headers=cookie)).status == 403
