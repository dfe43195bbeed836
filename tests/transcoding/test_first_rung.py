"""Where somebody waits for a video, it plays in one size before the others are made."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.db import fetchval
from app.core.jobs import drain
from app.core.jobs_attempt import attempt, claim, take_back
from app.media import transcode
from app.media.errors import MediaError, Reason
from app.media.plan import Chunk as PlannedChunk
from app.media.plan import Plan, Rung
from app.transcoding import service, snapshot
from app.transcoding.files import StoredFile
from tests.media.sources import X264, Source, picture, run, tone
from tests.media.sources import fetch as fetch_file
from tests.transcoding.conftest import Person, jobs, scratch_files
from tests.transcoding.test_failures import nothing_is_left
from tests.transcoding.test_story import (
    TWO_HOURS,
    media_playlists,
    nothing_but_the_named_is_stored,
    run_next,
    twenty_seconds,
)

__all__ = ["twenty_seconds"]

Look = Callable[[], Awaitable[None]]
Video = dict[str, object]


class KilledError(BaseException):
    """The worker is gone: nothing of the attempt is recorded."""


@pytest.fixture
def before_the_others(monkeypatch: pytest.MonkeyPatch) -> Callable[[Look], list[list[str]]]:
    """Does something when the first chunk's second run is about to begin.

    Gives a list that fills with the rungs of each run.
    """
    encode = transcode.encode_chunk

    def arrange(look: Look) -> list[list[str]]:
        runs: list[list[str]] = []

        async def look_and_encode(
            source: Path,
            plan: Plan,
            chunk: PlannedChunk,
            rungs: Sequence[Rung],
            *more: Path,
            **how: int,
        ) -> dict[str, Path]:
            if chunk.index == 0:
                runs.append([rung.name for rung in rungs])
                if len(runs) == 2:
                    await look()
            return await encode(source, plan, chunk, rungs, *more, **how)  # type: ignore[arg-type]

        monkeypatch.setattr(transcode, "encode_chunk", look_and_encode)
        return runs

    return arrange


async def growing(person: Person, video: Video) -> dict[str, list[str]]:
    """What the playlist of each size lists, as a viewer gets it."""
    (playlist,) = (await person.video(video))["streamingPlaylists"]
    found = await media_playlists(person, playlist["playlistUrl"])
    return {
        _size(name): [str(segment.uri) for segment in each.segments]
        for name, each in found.items()
        if "audio" not in name
    }


def _size(name: str) -> str:
    return name.removesuffix("-growing.m3u8").rpartition("-")[2]


async def first_chunk() -> tuple[int, dict[str, StoredFile]]:
    """Id and files of the only video's first chunk."""
    chunk_id = await fetchval("SELECT id FROM transcoding_chunk WHERE number = 0")
    (files,) = await snapshot.chunk_files(await fetchval("SELECT id FROM transcoding"), 1)
    return chunk_id, files


async def test_one_size_plays_before_the_others_are_made(
    person: Person,
    twenty_seconds: Path,
    before_the_others: Callable[[Look], list[list[str]]],
) -> None:
    video = await person.upload(twenty_seconds)
    await run_next("transcoding.prepare")
    begun: dict[str, list[str]] = {}

    async def look() -> None:
        assert not (await person.progress(video))["playable"]  # a picture without its sound
        await run_next("transcoding.sound")
        progress = await person.progress(video)
        assert (progress["playable"], progress["complete"]) == (True, False)
        assert (await person.video(video))["state"]["id"] == 1
        begun.update(await growing(person, video))
        assert {size: len(uris) for size, uris in begun.items()} == {"180p": 1}
        await run_next("transcoding.chunk")  # the second, on another worker
        longer = await growing(person, video)
        assert {size: len(uris) for size, uris in longer.items()} == {"180p": 3}
        assert longer["180p"][:1] == begun["180p"]
        begun.update(longer)

    runs = before_the_others(look)
    await run_next("transcoding.chunk")
    assert runs == [["180p"], ["144p"]]
    both = await growing(person, video)
    assert {size: len(uris) for size, uris in both.items()} == {"180p": 3, "144p": 3}
    assert both["180p"] == begun["180p"]
    (playlist,) = (await person.video(video))["streamingPlaylists"]
    await drain()
    ended = await media_playlists(person, playlist["playlistUrl"])
    assert all(each.is_endlist for each in ended.values())
    await drain(ahead=TWO_HOURS)
    await nothing_but_the_named_is_stored(str(video["uuid"]))


@pytest.mark.parametrize("is_noted", [False, True])
async def test_a_killed_worker_takes_nothing_back(
    person: Person,
    twenty_seconds: Path,
    before_the_others: Callable[[Look], list[list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    is_noted: bool,
) -> None:
    """What is published stays; what only lies in storage is made again, and removed in the end."""
    video = await person.upload(twenty_seconds)
    for kind in ("transcoding.prepare", "transcoding.sound"):
        await run_next(kind)

    async def die(*_: object) -> None:
        raise KilledError

    async def go_on() -> None:
        pass

    runs = before_the_others(die if is_noted else go_on)
    note = service.note_rungs
    if not is_noted:
        monkeypatch.setattr(service, "note_rungs", die)
    job_id = await fetchval(
        "SELECT id FROM job WHERE kind = 'transcoding.chunk' ORDER BY run_at LIMIT 1"
    )
    claimed = await claim(job_id, worker="killed")
    assert claimed is not None
    with pytest.raises(KilledError):
        await attempt(claimed)
    assert await take_back("killed") == 1
    _, published = await first_chunk()
    assert list(published) == (["180p"] if is_noted else [])

    monkeypatch.setattr(service, "note_rungs", note)
    await run_next("transcoding.chunk")
    assert runs == [["180p"], ["144p"] if is_noted else ["180p"], ["144p"]]
    _, files = await first_chunk()
    assert sorted(files) == ["144p", "180p"]
    assert files.items() >= published.items()
    await drain(ahead=TWO_HOURS)
    assert (await person.progress(video))["phase"] == "done"
    assert {state for _, state in await jobs()} == {"done"}
    await nothing_but_the_named_is_stored(str(video["uuid"]))
    assert scratch_files() == []


async def test_what_is_published_outlives_a_slower_attempt(
    person: Person,
    twenty_seconds: Path,
    before_the_others: Callable[[Look], list[list[str]]],
) -> None:
    """An attempt that had lost its job ends its first run late, or the whole chunk."""
    await person.upload(twenty_seconds)
    await run_next("transcoding.prepare")
    published: dict[str, StoredFile] = {}

    async def look() -> None:
        chunk_id, files = await first_chunk()
        published.update(files)
        others = {name: replace(file, filename="other.mp4") for name, file in files.items()}
        assert await service.note_rungs(chunk_id, others) == files
        await service.note_chunk(chunk_id, others)

    before_the_others(look)
    await run_next("transcoding.chunk")
    _, files = await first_chunk()
    assert (sorted(published), sorted(files)) == (["180p"], ["144p", "180p"])
    assert files.items() >= published.items()


async def test_rungs_made_apart_fit_together(person: Person, media_files: Path) -> None:
    """426 by 240 is not quite the shape of 640 by 360, whichever rung it is scaled from."""
    small = picture((640, 360), rate="5", seconds=8)
    codecs = (*X264, "-pix_fmt", "yuv420p10le", "-c:a", "ac3")
    make = lambda path: run(*small, *tone(8), *codecs, path)  # noqa: E731
    video = await person.upload(fetch_file(Source("odd-shapes", "a.mkv", make), media_files))
    await drain()
    progress = await person.progress(video)
    assert (progress["phase"], progress["resolutions"]) == ("done", [360, 240, 144])


async def test_sizes_that_fail_take_the_first_with_them(
    person: Person,
    twenty_seconds: Path,
    before_the_others: Callable[[Look], list[list[str]]],
) -> None:
    video = await person.upload(twenty_seconds)
    for kind in ("transcoding.prepare", "transcoding.sound"):
        await run_next(kind)

    async def fail() -> None:
        assert (await person.progress(video))["playable"]
        raise MediaError(Reason.DAMAGED, "This file is damaged: it could not be read.")

    before_the_others(fail)
    await drain()
    details = await person.video(video)
    assert (details["state"]["id"], details["processingError"]["code"]) == (7, "damaged")
    assert details["streamingPlaylists"] == []
    await nothing_is_left(video["id"])
