"""Who waits for whom; few cores, little memory, encoders that do not work."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from app.core import jobs_context
from app.core.db import fetch, fetchval
from app.core.jobs import Priority, drain
from app.core.pubsub import PUBSUB
from app.media.limits import GIB
from app.media.plan import Rung
from app.transcoding import api as transcoding_api
from app.transcoding import profiles
from tests.transcoding.conftest import Person
from tests.transcoding.test_story import run_next, twenty_seconds

__all__ = ["twenty_seconds"]


def rung(resolution: int) -> Rung:
    """A rung of the ladder."""
    return Rung(
        name=f"{resolution}p",
        resolution=resolution,
        width=resolution * 16 // 9,
        height=resolution,
        fps=Fraction(30),
        step=1,
        gop=60,
        max_bitrate=1_000_000,
        encoder="x264",
    )


async def test_what_plays_first_is_urgent_and_the_rest_is_not(
    person: Person, twenty_seconds: Path
) -> None:
    await person.upload(twenty_seconds)
    await run_next("transcoding.prepare")
    rows = await fetch(
        "SELECT kind, priority, owner_id, payload->>'chunk_id' AS chunk FROM job"
        " WHERE state = 'queued' AND lane = 'transcode' ORDER BY priority DESC, run_at, id"
    )
    assert [(row["kind"], row["priority"]) for row in rows] == [
        ("transcoding.sound", Priority.FIRST),
        ("transcoding.chunk", Priority.FIRST),
        ("transcoding.chunk", Priority.EXTRA),
        ("transcoding.chunk", Priority.EXTRA),
    ]
    assert {row["owner_id"] for row in rows} == {person.user.id}
    chunks = [int(row["chunk"]) for row in rows if row["chunk"]]
    assert all(one < other for one, other in pairwise(chunks))


async def test_beside_a_copied_picture_nothing_is_urgent(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    await person.upload(source_file("h264-mp4"))
    await run_next("transcoding.prepare")
    assert await fetchval("SELECT max(priority) FROM job WHERE state = 'queued'") == Priority.EXTRA


async def test_a_second_owners_first_picture_goes_before_the_first_ones_extras(
    join: Callable[..., Awaitable[Person]], clean_storage: None, twenty_seconds: Path
) -> None:
    first, second = await join(), await join()
    await first.upload(twenty_seconds)
    for kind in ("transcoding.prepare", "transcoding.sound", "transcoding.chunk"):
        await run_next(kind)
    video = await second.upload(twenty_seconds)
    await drain()
    order = await fetch(
        "SELECT kind, owner_id, (SELECT number FROM transcoding_chunk chunk"
        " WHERE chunk.id = (payload->>'chunk_id')::bigint) AS number FROM job"
        " WHERE lane = 'transcode' AND finished_at IS NOT NULL ORDER BY finished_at"
    )
    done = [(row["owner_id"], row["kind"], row["number"]) for row in order]
    extras_of_first = [
        place
        for place, (owner, kind, number) in enumerate(done)
        if owner == first.user.id and kind == "transcoding.chunk" and number
    ]
    first_of_second = done.index((second.user.id, "transcoding.chunk", 0))
    assert first_of_second < min(extras_of_first)
    assert (await second.progress(video))["phase"] == "done"


async def test_a_video_waits_for_all_its_sizes_when_its_owner_wishes(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    video = await person.upload(source_file("h264-mp4"), waitTranscoding="true")
    await run_next("transcoding.prepare")
    details = await person.video(video)
    assert details["state"]["id"] == 2
    assert details["waitTranscoding"]
    assert (await person.client.get(f"/api/v1/videos/{video['uuid']}")).status == 404
    assert (await person.progress(video))["playable"]  # by its owner
    await drain()
    assert (await person.video(video))["state"]["id"] == 1


async def test_progress_as_a_stream_of_events(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    video = await person.upload(source_file("h264-mp4"))
    answer = await person.client.get(
        f"/api/v1/videos/{video['uuid']}/progress",
        headers=person.headers | {"Accept": "text/event-stream"},
    )
    assert answer.content_type == "text/event-stream"
    first = await answer.content.readuntil(b"\n\n")
    assert first.startswith(b"event: progress\ndata: {")
    assert b'"phase":"queued"' in first
    await drain()
    rest = await answer.content.read()
    assert b'"phase":"done"' in rest
    assert b'"progress":1.0' in rest


async def test_a_stream_hears_at_once_how_far_a_video_is(
    person: Person, source_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert person.client.app is not None
    pubsub = person.client.app[PUBSUB]
    monkeypatch.setattr(transcoding_api, "LOOK_SECONDS", 1000)  # it does not look by itself
    monkeypatch.setattr(jobs_context, "_hearers", [pubsub.publish])
    video = await person.upload(source_file("h264-mp4"))
    path = f"/api/v1/videos/{video['uuid']}/progress"
    answer = await person.client.get(path, headers={"Accept": "text/event-stream"} | person.headers)
    await answer.content.readuntil(b"\n\n")
    await drain()
    # The subscription stands a moment after the start: the last word is repeated until it is heard.
    reading = asyncio.ensure_future(answer.content.read())  # noqa: TID251
    while not reading.done():
        await pubsub.publish(f"video:{video['id']}")
        await asyncio.wait([reading], timeout=0.05)
    assert b'"phase":"done"' in reading.result()


async def test_strangers_do_not_hear_of_what_is_not_published(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    video = await person.upload(source_file("h264-mp4"), privacy=3)
    path = f"/api/v1/videos/{video['uuid']}/progress"
    assert (await person.client.get(path)).status == 404
    await drain()
    assert (await person.client.get(path)).status == 401


@pytest.mark.parametrize(
    ("cores", "configured", "ordinary", "awaited"),
    [
        (1, {}, 1, 1),
        (2, {}, 1, 2),
        (16, {}, 1, 4),
        (8, {"workers__transcode_slots": 3}, 4, 4),
        (8, {"transcoding__threads": 2}, 2, 2),
    ],
)
def test_threads_share_the_cores(
    cores: int,
    configured: dict[str, int],
    ordinary: int,
    awaited: int,
    configure: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(**configured)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert profiles.threads(is_awaited=False) == ordinary
    assert profiles.threads(is_awaited=True) == awaited


def test_little_memory_takes_the_largest_rung_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "slots", lambda: 2)
    rungs = [rung(1080), rung(720), rung(480)]
    assert profiles.runs(rungs, memory=16 * GIB) == [tuple(rungs)]
    assert profiles.runs(rungs, memory=2 * GIB) == [tuple(rungs[1:]), (rungs[0],)]
    assert profiles.runs(rungs[2:], memory=GIB) == [(rungs[2],)]
    assert profiles.runs([], memory=GIB) == []


@pytest.mark.parametrize(
    ("resolutions", "first"),
    [
        ([1080, 720, 480, 360, 144], 480),
        ([1080, 720, 360], 360),
        ([480, 144], 480),
        ([1080, 720], 720),
        ([1080, 720, 480, 480], 480),
    ],
)
def test_somebody_who_waits_gets_one_small_rung_first(resolutions: list[int], first: int) -> None:
    rungs = [rung(resolution) for resolution in resolutions]
    (chosen,), *others = profiles.awaited_runs(rungs)
    assert chosen is rungs[resolutions.index(first)]  # of two codecs the one that all play
    rest = sorted((each for run in others for each in run), key=rungs.index)
    assert rest == [each for each in rungs if each is not chosen]


def test_one_rung_alone_is_one_run() -> None:
    assert profiles.awaited_runs([rung(1080)]) == [(rung(1080),)]
    assert profiles.awaited_runs([]) == []


async def test_with_little_memory_and_one_slot_it_still_works(
    person: Person,
    source_file: Callable[[str], Path],
    configure: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(workers__transcode_slots=1, transcoding__threads=1)
    monkeypatch.setattr(profiles, "runs", lambda rungs: [(each,) for each in reversed(rungs)])
    video = await person.upload(source_file("hevc-mp4"))
    await drain()
    progress = await person.progress(video)
    assert (progress["phase"], progress["resolutions"]) == ("done", [180, 144])


@pytest.mark.parametrize("encoder", ["x264", "nvenc", "no such one"])
async def test_an_encoder_that_fails_anywhere_is_not_used(
    person: Person, configure: Callable[..., None], encoder: str
) -> None:
    del person
    configure(transcoding__encoder=encoder)
    reasons = await profiles.probe_encoders()
    assert reasons["x264"] is None
    if encoder != "x264":
        assert reasons[encoder]
    assert (await profiles.ladder_settings()).encoder == "x264"
