"""The first look at a video's file: what it is, what is to be made of it, what plays at once.

A picture that browsers play as it is, is copied right here, together with its sound: seconds after
the last byte the video can be watched.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.config import settings
from app.core.ids import new_uuid
from app.core.jobs import JobContext
from app.core.storage import storage
from app.media import audio, ladder, probe, still, transcode
from app.media.errors import MediaError, Reason
from app.media.plan import Plan
from app.media.probe import Probe
from app.transcoding import pictures, profiles
from app.transcoding.files import Names, StoredFile, keep
from app.transcoding.inputs import input_file
from app.transcoding.models import new_token
from app.transcoding.service import NewPlan
from app.videos.models import Video, VideoSource

#: Beside a copied picture, sound of so many seconds is encoded at once, not in jobs of its own.
SHORT_SOUND: Final = 600


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and the pictures of the video."""

    plan: NewPlan
    thumbnails: list[dict[str, Any]]


async def prepare(
    ctx: JobContext, video: Video, source: VideoSource, folder: Path, *, owner_id: int
) -> Prepared:
    """Look at the file, plan, copy what can be copied. Raises MediaError."""
    names = Names(video.uuid, new_token())
    async with input_file(source.key) as original:
        path, probed = await _readable(original, folder, nice=ctx.nice)
        plan = ladder.plan(probed, await profiles.ladder_settings())
        _ensure_allowed(plan)
        picture = folder / "still.jpg" if plan.is_still else None
        if picture is not None:
            await still.make_still(path, probed, plan, picture, nice=ctx.nice)
        shown, copied, sounds = await asyncio.gather(
            _thumbnails(video, path, probed, folder, picture, nice=ctx.nice),
            _copy_picture(path, plan, names, folder, nice=ctx.nice),
            _make_sounds(path, plan, names, folder, nice=ctx.nice),
        )
    input_key = source.key
    if path != original:
        input_key = f"originals/{video.uuid}/{new_uuid().hex}.mkv"
        await storage().put_file(input_key, path)
    still_key = None
    if picture is not None:
        still_key = f"originals/{video.uuid}/{new_uuid().hex}.jpg"
        await storage().put_file(still_key, picture)
    return Prepared(
        NewPlan(
            video_id=video.id,
            owner_id=owner_id,
            token=names.token,
            probe=probed,
            plan=plan,
            input_key=input_key,
            still_key=still_key,
            copied=copied,
            sounds=sounds,
            aspect_ratio=plan.rungs[0].width / plan.rungs[0].height,
        ),
        shown,
    )


async def _readable(original: Path, folder: Path, *, nice: int) -> tuple[Path, Probe]:
    """The file that everything is made from, and its probe: rewritten where it must be."""
    probed = await probe.probe(original, nice=nice)
    if ladder.why_normalise(probed) is None:
        return original, probed
    path = await transcode.normalise(original, probed, folder / "normal.mkv", nice=nice)
    return path, await probe.probe(path, nice=nice)


def _ensure_allowed(plan: Plan) -> None:
    limits = settings().transcoding
    if plan.duration > limits.max_duration_hours * 3600:
        raise MediaError(
            Reason.TOO_LONG,
            f"Videos longer than {limits.max_duration_hours} hours are not accepted here.",
        )
    if plan.source.width * plan.source.height > limits.max_pixels:
        raise MediaError(Reason.TOO_LARGE_PICTURE, "The picture has more pixels than we accept.")


async def _thumbnails(
    video: Video, path: Path, probed: Probe, folder: Path, picture: Path | None, *, nice: int
) -> list[dict[str, Any]]:
    if video.thumbnails:
        return video.thumbnails
    own = folder / "thumbnails"
    own.mkdir()
    return await pictures.make_thumbnails(video.uuid, path, probed, own, still=picture, nice=nice)


async def _copy_picture(
    path: Path, plan: Plan, names: Names, folder: Path, *, nice: int
) -> StoredFile | None:
    if plan.copied is None:
        return None
    output = folder / "copied.mp4"
    await transcode.remux_video(path, plan, output, nice=nice)
    return await keep(
        output,
        names=names,
        filename=names.whole(plan.copied.name),
        segment_seconds=plan.segment_seconds,
    )


async def _make_sounds(
    path: Path, plan: Plan, names: Names, folder: Path, *, nice: int
) -> Mapping[int, StoredFile]:
    """The sound tracks that cost next to nothing, by number: the others are jobs of their own."""
    made = {}
    for number, track in enumerate(plan.audio):
        if track.is_copy or (plan.copied and plan.duration <= SHORT_SOUND):
            output = folder / f"{track.name}.mp4"
            await audio.encode_audio(path, plan, track, output, nice=nice)
            made[number] = await keep(
                output,
                names=names,
                filename=names.whole(track.name),
                segment_seconds=plan.segment_seconds,
            )
    return made
