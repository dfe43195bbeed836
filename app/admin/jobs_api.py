"""The jobs over REST, in PeerTube's shape and with PeerTube's words for their states."""

import json
from enum import StrEnum
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from app.admin.jobs_queries import JobFilter, count_jobs, list_jobs
from app.core.api import Access, Api, ListQuery, Page, Schema, Timestamp, page
from app.core.db import Row

api = Api(tag="Job")


class PeerTubeState(StrEnum):
    """PeerTube's states of a job."""

    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    WAITING = "waiting"
    DELAYED = "delayed"


#: PeerTube's types of jobs, and what our kinds of the same work begin with.
TYPES = {"video-transcoding": "transcoding."}


class JobsQuery(ListQuery):
    """Which jobs are listed."""

    job_type: Annotated[str, Field(max_length=80)] | None = None


class Job(Schema):
    """PeerTube's job."""

    id: str
    type: str
    state: PeerTubeState
    data: dict[str, Any]
    priority: int
    #: per cent
    progress: int
    parent_id: str | None = None
    error: dict[str, str] | None
    created_at: Timestamp
    processed_on: Timestamp | None
    finished_on: Timestamp | None


@api.get("/jobs", access=Access.ADMINISTRATOR)
async def list_all_jobs(_: web.Request, query: JobsQuery) -> Page[Job]:
    """Jobs in every state."""
    return await _page(query, None)


@api.get("/jobs/{state}", access=Access.ADMINISTRATOR)
async def list_jobs_in_state(_: web.Request, state: PeerTubeState, query: JobsQuery) -> Page[Job]:
    """Jobs in one of PeerTube's states."""
    return await _page(query, state)


async def _page(query: JobsQuery, state: PeerTubeState | None) -> Page[Job]:
    wanted = JobFilter(
        kind=TYPES.get(query.job_type or "", query.job_type),
        peertube_state=state,
        oldest_first=query.sort == "createdAt",
        start=query.start,
        count=query.count,
    )
    return page(await count_jobs(wanted), [_job(row) for row in await list_jobs(wanted)])


def _job(row: Row) -> Job:
    return Job(
        id=str(row["id"]),
        type=_type(row["kind"]),
        state=_state(row),
        data={"kind": row["kind"], **json.loads(row["payload"])},
        priority=row["priority"],
        progress=round(row["progress"] * 100),
        error={"message": row["error"]} if row["error"] else None,
        created_at=row["created_at"],
        processed_on=row["started_at"],
        finished_on=row["finished_at"],
    )


def _type(kind: str) -> str:
    same = (name for name, beginning in TYPES.items() if kind.startswith(beginning))
    return next(same, kind)


def _state(row: Row) -> PeerTubeState:
    if row["state"] == "queued":
        return PeerTubeState.DELAYED if row["delayed"] else PeerTubeState.WAITING
    return {
        "running": PeerTubeState.ACTIVE,
        "done": PeerTubeState.COMPLETED,
    }.get(row["state"], PeerTubeState.FAILED)
