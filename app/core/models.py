"""Rows that belong to no feature: jobs, the workers that run them, ticks of the timetable."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.core.ids import new_uuid


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    #: every attempt failed; kept, shown to the administrator, can be run again
    DEAD = "dead"
    CANCELLED = "cancelled"


#: What may follow what; a change that is not here is a fault.
JOB_TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.DEAD}),
    JobState.RUNNING: frozenset(
        {JobState.DONE, JobState.QUEUED, JobState.DEAD, JobState.CANCELLED}
    ),
    JobState.DONE: frozenset(),
    JobState.DEAD: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}


class Job(Model):
    """Work that is owed. The row is the truth; Redis only carries its id to a worker."""

    id = fields.UUIDField(primary_key=True, default=new_uuid)
    kind = fields.CharField(max_length=80)
    lane = fields.CharField(max_length=20)
    payload: dict[str, Any] = fields.JSONField(default=dict)
    #: higher runs first
    priority = fields.SmallIntField(default=0)
    #: whose share of the workers this takes (a user's id); None is the site itself
    owner_id: int | None = fields.BigIntField(null=True)
    #: while it is owned: how many slots of the lane its owner's jobs may hold for it to start
    owner_slots: int | None = fields.SmallIntField(null=True)
    state = fields.CharEnumField(JobState, default=JobState.QUEUED, max_length=10)
    attempt = fields.SmallIntField(default=0)
    max_attempts = fields.SmallIntField(default=5)
    run_at = fields.DatetimeField(auto_now_add=True)
    sent_at = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)
    worker: str | None = fields.CharField(max_length=120, null=True)  # type: ignore[assignment]
    #: 0 to 1
    progress = fields.FloatField(default=0)
    error: str | None = fields.TextField(null=True)
    unique_key: str | None = fields.CharField(max_length=200, null=True)  # type: ignore[assignment]
    #: what it is about, e.g. `video:12`, so that a video's page can show its jobs
    subject: str | None = fields.CharField(max_length=80, null=True)  # type: ignore[assignment]
    created_at = fields.DatetimeField(auto_now_add=True)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "job"


class Worker(Model):
    """A worker process that is alive, for as long as it says so."""

    id = fields.CharField(max_length=120, primary_key=True)
    lane = fields.CharField(max_length=20)
    slots = fields.SmallIntField()
    #: encoder profiles that work on its host, and why the others do not
    encoders: dict[str, Any] = fields.JSONField(default=dict)
    started_at = fields.DatetimeField(auto_now_add=True)
    seen_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "worker"


class Tick(Model):
    """The last time that an entry of the timetable was due and turned into a job."""

    name = fields.CharField(max_length=80, primary_key=True)
    due_at = fields.DatetimeField()

    class Meta:
        table = "tick"
