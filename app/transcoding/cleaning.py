"""Removes what only mattered while a video was being made.

Chunks stay for a while after the whole took their place: somebody may be watching them. What an
attempt that was cut off left behind has no row, but it lies in the video's folder, and goes too.
"""

import json

from app.backup.hold import wait_for_backup
from app.core.db import fetchrow
from app.core.jobs import Retry
from app.core.storage import storage
from app.transcoding import service

#: What is to stay of a video's files, and whether it is being made anew.
KEPT = """
SELECT video.uuid, video.playlist, video_source.key AS source, transcoding.id AS plan_id,
    transcoding.finished_at,
    ARRAY(SELECT filename FROM rendition WHERE video_id = video.id) AS files,
    EXISTS (SELECT FROM job WHERE subject = 'video:' || video.id AND state = 'queued'
        AND kind = 'transcoding.storyboard') AS storyboard_is_owed
FROM video LEFT JOIN video_source ON video_source.video_id = video.id
LEFT JOIN transcoding ON transcoding.video_id = video.id WHERE video.id = $1"""


async def remove_leftovers(video_id: int, *, keep_original: bool) -> None:
    """Remove every file of a video that nothing names any more, and the rows of its chunks.

    Nothing while the video is made anew: another clean-up follows that. Raises Retry.
    """
    row = await fetchrow(KEPT, video_id)
    playlist = json.loads(row["playlist"]) if row and row["playlist"] else None
    if row is None or playlist is None or not playlist["complete"]:
        return
    if row["plan_id"] is not None and row["finished_at"] is None:
        return
    if row["storyboard_is_owed"]:
        raise Retry(reason="the storyboard is yet to be made")
    wanted = {f"hls/{row['uuid']}/{name}" for name in [*playlist["files"], *row["files"]]}
    if keep_original and row["source"]:
        wanted.add(row["source"])
    await wait_for_backup()
    store = storage()
    found = [key async for key in store.list(f"hls/{row['uuid']}/")]
    found += [key async for key in store.list(f"originals/{row['uuid']}/")]
    if row["source"] and not keep_original:
        found.append(row["source"])
    await store.delete(*(key for key in found if key not in wanted))
    if row["plan_id"] is not None:
        await service.forget_pieces(row["plan_id"])
    if not keep_original:
        await service.forget_original(video_id)
