"""How far a video is, as JSON or as a stream of events; transcoding anew for administrators."""

import asyncio
import contextlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field
from pydantic_core import to_json

from app.core.api import Access, Api, Schema
from app.core.auth import current_actor
from app.core.db import Row
from app.core.errors import ConflictError, NotFoundError
from app.core.ids import parse_uuid
from app.core.pubsub import PUBSUB, Words
from app.transcoding import failures, jobs, queries
from app.videos.access import file_cookie
from app.videos.api import Reference, visible_video
from app.videos.models import VideoState
from app.videos.queries import find_video, get_video
from app.videos.vocabulary import STATES

__all__ = ["api", "jobs"]  # whoever serves this also subscribes to what creates videos

api = Api(tag="Video Transcoding")

#: Workers say when a video got further; what they did not say, or Redis lost, is seen by then.
LOOK_SECONDS: Final = 2.0
#: Several workers speak at once: look once for all of them.
SETTLE_SECONDS: Final = 0.2
#: A stream ends then; browsers connect again by themselves.
STREAM_SECONDS: Final = 600
EVENTS: Final = "text/event-stream"
#: A comment now and then, so that proxies do not take the stream for dead.
QUIET_LOOKS: Final = 8


class State(Schema):
    """PeerTube's state of a video."""

    id: int
    label: str


class Problem(Schema):
    """Why a video failed."""

    code: str
    detail: str


class VideoProgress(Schema):
    """How far a video is."""

    state: State
    #: queued, preparing, encoding, joining, done or failed
    phase: str
    progress: Annotated[float, Field(ge=0, le=1)]
    playable: bool
    complete: bool
    resolutions: Sequence[int]
    error: Problem | None


class TranscodingType(StrEnum):
    """PeerTube's kinds; there are no web videos here."""

    HLS = "hls"
    WEB_VIDEO = "web-video"


class NewTranscoding(Schema):
    """What to transcode anew."""

    transcoding_type: TranscodingType
    force_transcoding: bool = False


@api.get("/videos/{id}/progress", returns=VideoProgress)
async def get_progress(request: web.Request, id: Reference) -> VideoProgress | web.StreamResponse:
    """How far a video is; as server-sent events where the client accepts these."""
    row = await _visible(request, id)
    if EVENTS in request.headers.get("Accept", ""):
        return await _stream(request, row["id"])
    return await _progress(row["id"])


@api.post("/videos/{id}/transcoding", access=Access.ADMINISTRATOR)
async def transcode_again(_: web.Request, id: Reference, body: NewTranscoding) -> None:
    """Transcode a video anew from its original."""
    row = await find_video(id)
    if row["state"] == VideoState.TO_TRANSCODE and not body.force_transcoding:
        raise ConflictError("This video is being transcoded already.", code="already_transcoding")
    await failures.restart(row["id"])


async def _visible(request: web.Request, reference: str) -> Row:
    """The video, if who asks may see it: a cookie tells that its password was known."""
    uuid = parse_uuid(reference)
    cookie = request.cookies.get(file_cookie(uuid)) if uuid else None
    if cookie is None:
        return await visible_video(request, reference)
    return await get_video(reference, await current_actor(request), file_token=cookie)


async def _progress(video_id: int) -> VideoProgress:
    found = await queries.progress_of(video_id)
    if found is None:
        raise NotFoundError("There is no such video.")
    return VideoProgress(
        state=State(id=found.state, label=STATES[found.state]),
        phase=found.phase,
        progress=found.fraction,
        playable=found.playable,
        complete=found.complete,
        resolutions=found.resolutions,
        error=Problem(code=found.error_code, detail=found.error or "")
        if found.error_code
        else None,
    )


async def _wait(words: Words) -> None:
    """Until a worker says that the video got further; not for long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            await words.get()
            await asyncio.sleep(SETTLE_SECONDS)
    while not words.empty():
        words.get_nowait()


async def _stream(request: web.Request, video_id: int) -> web.StreamResponse:
    """An event for each change, until the video is done or failed, deleted, or nobody listens."""
    response = web.StreamResponse(
        headers={
            "Content-Type": EVENTS,
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(request)
    told, quiet = b"", 0
    listening = request.app[PUBSUB].listening(f"video:{video_id}")
    try:
        async with asyncio.timeout(STREAM_SECONDS), listening as words:
            while True:
                progress = await _progress(video_id)
                event = to_json(progress, by_alias=True)
                quiet += 1
                if event != told:
                    await response.write(b"event: progress\ndata: " + event + b"\n\n")
                    told, quiet = event, 0
                elif quiet >= QUIET_LOOKS:
                    await response.write(b": still here\n\n")
                    quiet = 0
                if progress.phase in ("done", "failed"):
                    break
                await _wait(words)
    except (TimeoutError, NotFoundError, ConnectionError):
        pass
    return response
