"""Files of what is gone are removed, but not under the hands of a job that still writes them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.ids import new_uuid
from app.core.jobs import JobContext, JobState, Lane, Priority, Retry
from app.core.models import Job
from app.core.storage import storage
from app.videos.leftovers import remove_files


def attempt() -> JobContext:
    return JobContext(
        id=new_uuid(),
        kind="videos.remove_files",
        attempt=1,
        max_attempts=10,
        priority=Priority.NORMAL,
        subject=None,
        owner_id=None,
        worker="test",
    )


async def test_it_waits_for_the_jobs_of_the_video(db: None) -> None:
    key = f"hls/{new_uuid()}/v.mp4"
    await storage().put_bytes(key, b"bytes")
    encoding = await Job.create(
        kind="transcoding.chunk",
        lane=Lane.TRANSCODE,
        state=JobState.CANCELLED,
        subject="video:1",
        worker="another",
        lease_until=datetime.now(UTC) + timedelta(hours=1),
    )
    with pytest.raises(Retry):
        await remove_files(attempt(), keys=[key], prefixes=[], after_jobs_of="video:1")
    assert await storage().exists(key)
    await Job.filter(id=encoding.id).update(lease_until=None)
    await remove_files(attempt(), keys=[key], prefixes=[], after_jobs_of="video:1")
    assert not await storage().exists(key)


async def test_it_may_be_done_twice(db: None) -> None:
    folder = f"hls/{new_uuid()}/"
    await storage().put_bytes(f"{folder}v.mp4", b"bytes")
    for _ in range(2):
        await remove_files(attempt(), keys=["thumbnails/gone.jpg"], prefixes=[folder])
    assert not await storage().exists(f"{folder}v.mp4")
