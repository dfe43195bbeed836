"""All reads of transcoding: how far a video is, what plays of it, whom it belongs to."""

import json
from dataclasses import dataclass
from typing import Any

from app.core.db import fetchrow, fetchval

#: The user whose share of the workers a video takes.
OWNER = """
SELECT account.user_id FROM video JOIN channel ON channel.id = video.channel_id
JOIN account ON account.id = channel.account_id WHERE video.id = $1"""

#: Whether the whole ladder of a video is in place.
PLAYS_WHOLE = "SELECT coalesce((playlist->>'complete')::bool, false) FROM video WHERE id = $1"

#: Whether a video plays to its end, if only in one size.
PLAYS_TO_ITS_END = """
SELECT coalesce((playlist->>'complete')::bool, false)
    OR playlist IS NOT NULL AND EXISTS (
        SELECT FROM transcoding WHERE video_id = video.id AND copied IS NOT NULL)
FROM video WHERE id = $1"""

#: Why a video failed, NULL when it did not.
FAILED_BY = "SELECT error_code FROM video WHERE id = $1 AND state = 7"

#: Whether a video is yet to be told that it plays from this master playlist.
MUST_PLAY = """
SELECT state <> 1 OR playlist->>'master' IS DISTINCT FROM $2 FROM video WHERE id = $1"""

#: How far a video is: frames by state, running jobs with the part each has done.
PROGRESS = """
SELECT video.state, video.playlist, video.error, video.error_code, transcoding.id AS plan_id,
    transcoding.finished_at, transcoding.copied IS NOT NULL AS copies,
    coalesce((transcoding.plan->>'frames')::bigint, 0) AS frames,
    (SELECT jsonb_agg(rung->'resolution') FROM jsonb_array_elements(transcoding.plan->'rungs') rung)
        AS resolutions,
    (SELECT coalesce(sum(frames), 0) FROM transcoding_chunk
       WHERE transcoding_id = transcoding.id AND state = 'encoded') AS frames_done,
    (SELECT coalesce(sum(job.progress * transcoding_chunk.frames), 0) FROM job
       JOIN transcoding_chunk ON transcoding_chunk.id = (job.payload->>'chunk_id')::bigint
       WHERE job.subject = 'video:' || video.id AND job.kind = 'transcoding.chunk'
         AND job.state = 'running' AND transcoding_chunk.transcoding_id = transcoding.id
         AND transcoding_chunk.state = 'waiting') AS frames_running,
    EXISTS (SELECT FROM job WHERE subject = 'video:' || video.id AND state = 'running'
       AND kind = 'transcoding.prepare') AS preparing
FROM video LEFT JOIN transcoding ON transcoding.video_id = video.id WHERE video.id = $1"""

#: What the joining is worth beside the encoding, as a part of the whole.
JOINING = 0.02


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a video is."""

    state: int
    #: queued, preparing, encoding, joining, done, failed
    phase: str
    #: 0 to 1
    fraction: float
    playable: bool
    complete: bool
    #: short sides of the renditions to come, the largest first
    resolutions: tuple[int, ...]
    error_code: str | None
    error: str | None


async def progress_of(video_id: int) -> Progress | None:
    """How far a video is, None when there is none."""
    row = await fetchrow(PROGRESS, video_id)
    if row is None:
        return None
    playlist: dict[str, Any] | None = json.loads(row["playlist"]) if row["playlist"] else None
    complete = bool(playlist and playlist["complete"])
    frames = float(row["frames_done"]) + float(row["frames_running"])
    part = min(1.0, frames / row["frames"]) if row["frames"] else 0.0
    phase = _phase(row["state"], complete=complete, part=part, row=dict(row))
    resolutions = dict.fromkeys(json.loads(row["resolutions"] or "[]"))
    return Progress(
        state=row["state"],
        phase=phase,
        fraction=1.0 if phase == "done" else round(part * (1 - JOINING), 4),
        playable=playlist is not None,
        complete=complete,
        resolutions=tuple(resolutions),
        error_code=row["error_code"],
        error=row["error"],
    )


def _phase(state: int, *, complete: bool, part: float, row: dict[str, Any]) -> str:
    if state == 7:
        return "failed"
    if row["plan_id"] is None:
        if complete:
            return "done"
        return "preparing" if row["preparing"] else "queued"
    if row["finished_at"] is not None or (complete and state == 1):
        return "done"
    return "joining" if part >= 1 else "encoding"


async def owner_of(video_id: int) -> int | None:
    """The user that a video belongs to."""
    found: int | None = await fetchval(OWNER, video_id)
    return found


async def plays_whole(video_id: int) -> bool:
    """Whether the whole ladder is in place."""
    return bool(await fetchval(PLAYS_WHOLE, video_id))


async def plays_to_its_end(video_id: int) -> bool:
    """Whether a video plays to its end, if only in one size."""
    return bool(await fetchval(PLAYS_TO_ITS_END, video_id))


async def failed_by(video_id: int) -> str | None:
    """The code of a failed video's error; None for a video that did not fail."""
    found: str | None = await fetchval(FAILED_BY, video_id)
    return found


async def must_play(video_id: int, master: str) -> bool:
    """Whether a video is yet to be told that it plays from this master playlist."""
    return bool(await fetchval(MUST_PLAY, video_id, master))


def subject_of(video_id: int) -> str:
    """What the jobs of a video are about."""
    return f"video:{video_id}"
