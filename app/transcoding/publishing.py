"""What can be played of a plan, published while it grows and when it is whole.

Whoever publishes holds the plan's row until the transaction ends, so that the playlists of one plan
are written one after the other, each longer than the one before.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.config import settings
from app.core.jobs import Priority, enqueue
from app.core.storage import storage
from app.transcoding import listing, queries, snapshot
from app.transcoding.files import StoredFile
from app.transcoding.listing import Listing
from app.transcoding.models import Transcoding
from app.transcoding.queries import subject_of
from app.transcoding.snapshot import Snapshot
from app.videos import service as videos
from app.videos.models import Rendition
from app.videos.service import NewRendition


async def publish(transcoding_id: int) -> None:
    """Write the playlists of what can be played by now; owe the joining when all is encoded.

    A video that plays whole from an earlier plan goes on with that until the new one is whole, too.
    """
    now = await snapshot.take(transcoding_id, lock=True)
    if now is None or now.finished:
        return
    if now.may_play and not await queries.plays_whole(now.video_id):
        files = await snapshot.chunk_files(now.id, 0 if now.copied else now.run)
        found = listing.growing(now, files)
        await _write(now, found)
        await _play(now, found, complete=False)
    if now.everything_is_encoded:
        await enqueue(
            "transcoding.join",
            owner_id=await queries.owner_of(now.video_id),
            subject=subject_of(now.video_id),
            unique_key=f"join:{now.id}",
            video_id=now.video_id,
            transcoding_id=now.id,
        )


async def write_complete(now: Snapshot, joined: Mapping[str, StoredFile]) -> Listing:
    """Put the playlists of the whole video into storage."""
    found = listing.complete(now, joined)
    await _write(now, found)
    return found


async def note_complete(now: Snapshot, found: Listing, joined: Mapping[str, StoredFile]) -> None:
    """Everything is in place: the new files take the place of whatever played before.

    Call it in a transaction.
    """
    locked = await snapshot.take(now.id, lock=True)
    if locked is None or locked.finished:
        return
    files = list(_new_renditions(now, joined))
    await Rendition.filter(video_id=now.video_id).delete()
    await videos.add_renditions(now.video_id, files)
    await _play(now, found, complete=True, files=[each.filename for each in files])
    await Transcoding.filter(id=now.id).update(finished_at=datetime.now(UTC))
    common: dict[str, Any] = {
        "owner_id": await queries.owner_of(now.video_id),
        "subject": subject_of(now.video_id),
        "priority": Priority.EXTRA,
    }
    await enqueue("transcoding.storyboard", **common, video_id=now.video_id)
    # whoever began to watch the pieces may want to see the end of them
    grace = timedelta(
        minutes=settings().transcoding.grace_minutes, seconds=math.ceil(now.plan.duration)
    )
    await enqueue(
        "transcoding.clean_up", **common, run_at=datetime.now(UTC) + grace, video_id=now.video_id
    )


async def _write(now: Snapshot, found: Listing) -> None:
    """The master last: whoever finds it finds what it names."""
    names = sorted(found.texts, key=lambda name: name == found.master)
    for name in names:
        await storage().put_bytes(now.names.key(name), found.texts[name].encode())


async def _play(
    now: Snapshot, found: Listing, *, complete: bool, files: Sequence[str] = ()
) -> None:
    playlist = {
        "master": found.master,
        "dash": found.dash,
        "sha256": found.sha256,
        "complete": complete,
        "files": sorted([*found.texts, *files]) if complete else [],
    }
    if complete or await queries.must_play(now.video_id, found.master):
        await videos.mark_playable(now.video_id, playlist)


def _new_renditions(now: Snapshot, joined: Mapping[str, StoredFile]) -> Sequence[NewRendition]:
    copied = {now.plan.copied.name: now.copied} if now.plan.copied and now.copied else {}
    pictures = dict(joined) | copied
    found = [
        _rendition(
            file,
            now.names.playlist(rung.name),
            resolution=rung.resolution,
            width=file.index.width,
            height=file.index.height,
            fps=round(float(file.index.frame_rate), 3),
        )
        for rung in now.plan.rungs
        if (file := pictures.get(rung.name)) is not None
    ]
    found += [
        _rendition(
            sound.file,
            now.names.playlist(sound.track.name),
            resolution=0,
            language=sound.track.language or None,
        )
        for sound in now.sounds
        if sound.file is not None
    ]
    return found


def _rendition(file: StoredFile, playlist: str, **fields: Any) -> NewRendition:
    return NewRendition(
        codecs=file.index.codecs,
        bandwidth=file.index.bandwidth,
        average_bandwidth=file.index.average_bandwidth,
        filename=file.filename,
        playlist_filename=playlist,
        size=file.index.size,
        **fields,
    )
