"""Any sequence of chunks, questions and cut connections ends with the file that was sent.

A model keeps the number of bytes that must have arrived; the real site is asked after every step.
"""

import asyncio
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.db import fetchval
from tests.uploads.conftest import (
    Uploader,
    originals,
    remove_everything,
    scratch_files,
    stored_bytes,
)
from tests.uploads.test_resumable import cut_off

SIZE = 500
FILM = bytes(index * 7 % 251 for index in range(SIZE))


@dataclass(frozen=True)
class Step:
    """What a client does next; `offset` counts from what has arrived."""

    kind: str
    offset: int = 0
    length: int = 1
    claimed: int = 0


steps = st.one_of(
    st.builds(Step, st.just("send"), st.just(0), st.integers(1, SIZE)),
    st.builds(Step, st.just("send"), st.integers(-SIZE, SIZE), st.integers(1, SIZE)),
    st.builds(Step, st.just("cut"), st.integers(-20, 0), st.integers(2, SIZE)),
    st.builds(Step, st.just("lie"), st.just(0), st.integers(1, 50), st.integers(1, 50)),
    st.just(Step("ask")),
    st.just(Step("wrong size")),
)


@given(todo=st.lists(steps, max_size=12))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_sequence(uploader: Uploader, todo: list[Step]) -> None:
    await remove_everything()
    place, have = await uploader.begun(SIZE), 0
    for step in todo:
        if have == SIZE:
            break
        have = await take(uploader, place, step, have)
        if have < SIZE:
            assert [path.stat().st_size for path in scratch_files()] == [have]
    last = await uploader.send(place, f"bytes 0-{SIZE - 1}/{SIZE}", FILM)
    assert last.status == 200
    assert await stored_bytes((await last.json())["video"]["uuid"]) == FILM
    assert scratch_files() == []
    assert await fetchval("SELECT count(*) FROM upload WHERE video_id IS NULL") == 0
    assert len(await originals()) == 1


async def take(uploader: Uploader, place: str, step: Step, have: int) -> int:
    """Do a step, hold the site to the model; gives what must have arrived afterwards."""
    first = min(max(0, have + step.offset), SIZE - 1)
    end = min(SIZE, first + step.length)
    if step.kind == "ask":
        answer = await uploader.send(place, f"bytes */{SIZE}")
        after, status = have, 308
    elif step.kind == "wrong size":
        answer = await uploader.send(place, f"bytes {first}-{end - 1}/{SIZE + 1}", FILM[first:end])
        after, status = have, 409
    elif step.kind == "lie":
        body = FILM[first : first + step.claimed] + b"?" * 60
        answer = await uploader.send(place, f"bytes {first}-{end - 1}/{SIZE}", body)
        after, status = have, 409
    elif step.kind == "cut":
        sent = FILM[first : end - 1]
        if not sent or first + len(sent) <= have:
            return have
        await cut_off(uploader, place, f"bytes {first}-{end - 1}/{SIZE}", sent)
        async with asyncio.timeout(10):
            answer = await uploader.send(place, f"bytes */{SIZE}")
        after, status = max(have, first + len(sent)), 308
    else:
        answer = await uploader.send(place, f"bytes {first}-{end - 1}/{SIZE}", FILM[first:end])
        after = have if first > have else max(have, end)
        status = 409 if first > have else 200 if after == SIZE else 308
    assert answer.status == status, (step, await answer.text())
    if status == 308:
        expected = f"bytes=0-{after - 1}" if after else None
        assert answer.headers.get("Range") == expected
    return after
