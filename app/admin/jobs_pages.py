"""Pages: the queue, what failed, the workers; jobs are tried again or cancelled."""

import json
from enum import StrEnum
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web
from pydantic import Field

from app.admin import jobs_queries
from app.admin.jobs_queries import JobFilter
from app.core.api import Access, Schema
from app.core.errors import AppError
from app.core.forms import FormErrors, read_form
from app.core.i18n import gettext, ngettext
from app.core.jobs import JobState, Lane, cancel_job, retry_job
from app.core.pages import Pages, redirect, render

pages = Pages()

PAGE: Final = 50
HOME: Final = "/admin/jobs"
#: So many dead jobs are run again at once.
MOST: Final = 1000


class JobsQuery(Schema):
    """Which jobs are listed, and from where on."""

    lane: Lane | None = None
    state: JobState | None = None
    start: Annotated[int, Field(ge=0, le=10_000_000)] = 0


class JobAction(StrEnum):
    """What can be done to a job."""

    RETRY = "retry"
    CANCEL = "cancel"


class JobForm(Schema):
    """A job and what to do to it; without one, to all that failed."""

    action: JobAction
    job: UUID | None = None


@pages.get("/admin/jobs", access=Access.ADMINISTRATOR)
async def show_jobs(request: web.Request, query: JobsQuery) -> web.Response:
    """The jobs, the numbers of each lane and the workers."""
    wanted = JobFilter(lane=query.lane, state=query.state, start=query.start, count=PAGE)
    return render(
        request,
        "admin/jobs.html",
        jobs=await jobs_queries.list_jobs(wanted),
        total=await jobs_queries.count_jobs(wanted),
        lanes=_by_lane(await jobs_queries.numbers()),
        workers=[_worker(row) for row in await jobs_queries.workers()],
        query=query,
        count=PAGE,
        address=lambda start: _address(query, start=start),
        tabs=[
            (_address(JobsQuery(lane=query.lane, state=state)), label, state)
            for state, label in _states()
        ],
        here=_address(query, start=query.start),
    )


@pages.post("/admin/jobs", access=Access.ADMINISTRATOR)
async def take_action(request: web.Request, query: JobsQuery) -> web.Response:
    """Run a failed job again (or all of them), or cancel one."""
    form = await read_form(request, JobForm)
    back = _address(query, start=query.start)
    if isinstance(form, FormErrors):
        return redirect(request, back)
    if form.job is None:
        return redirect(request, back, flash=await _retry_all(query.lane))
    try:
        if form.action is JobAction.RETRY:
            await retry_job(form.job)
            return redirect(request, back, flash=gettext("The job is queued again."))
        cancelled = await cancel_job(form.job)
    except AppError as error:
        return redirect(request, back, flash=gettext(error.detail))
    said = gettext("The job is cancelled.") if cancelled else gettext("The job had ended already.")
    return redirect(request, back, flash=said)


async def _retry_all(lane: Lane | None) -> str:
    rows = await jobs_queries.list_jobs(JobFilter(lane=lane, state=JobState.DEAD, count=MOST))
    queued = 0
    for row in rows:
        try:
            await retry_job(row["id"])
        except AppError:  # the same work was queued meanwhile
            continue
        queued += 1
    said = ngettext("%(num)d job is queued again.", "%(num)d jobs are queued again.", queued)
    return said % {"num": queued}


def _states() -> list[tuple[JobState | None, str]]:
    return [
        (None, gettext("All")),
        (JobState.RUNNING, gettext("Running")),
        (JobState.QUEUED, gettext("Waiting")),
        (JobState.DEAD, gettext("Failed")),
        (JobState.CANCELLED, gettext("Cancelled")),
        (JobState.DONE, gettext("Done")),
    ]


def _address(query: JobsQuery, *, start: int = 0) -> str:
    kept = {"lane": query.lane, "state": query.state, "start": start or None}
    asked = urlencode({name: value for name, value in kept.items() if value is not None})
    return f"{HOME}?{asked}" if asked else HOME


def _by_lane(rows: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row["lane"], {})[row["state"]] = row
    return found


def _worker(row: Any) -> dict[str, Any]:
    encoders = json.loads(row["encoders"])
    return dict(row) | {
        "host": row["id"].partition(":")[0],
        "usable": [name for name, reason in encoders.items() if reason is None],
        "unusable": {name: reason for name, reason in encoders.items() if reason is not None},
    }
