"""A film encoded in chunks is the film encoded whole: the same frames, times and key frames.

The encoder is made lossless here, so that decoded frames can be compared bit by bit.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import av
import pytest

from app.media import audio, encoders, ladder, package, probe, timeline, transcode
from app.media.ladder import LadderSettings, Plan
from app.media.pieces import PieceReader
from tests.media import makers, pipeline

LOSSLESS = replace(
    encoders.PROFILES["x264"],
    arguments=(
        *("-preset", "ultrafast", "-qp", "0", "-g", "{gop}", "-keyint_min", "{gop}"),
        *("-force_key_frames", "expr:not(mod(n,{gop}))", "-sc_threshold", "0", "-bf", "2"),
    ),
)
SETTINGS = LadderSettings(
    resolutions=(96, 180), gop_seconds=Fraction(1, 2), encoder="lossless", may_copy=False
)


@pytest.fixture(autouse=True)
def lossless(monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = {**encoders.PROFILES, "lossless": LOSSLESS}
    for module in ("encoders", "filters", "rungs", "transcode", "copying"):
        monkeypatch.setattr(f"app.media.{module}.PROFILES", MappingProxyType(profiles))


@pytest.mark.parametrize(
    "name",
    [
        "ntsc",
        "ntsc-mkv",
        "vfr-mp4",
        "vfr-mkv",
        "vfr-phone",
        "h264-far-keys",
        "60-fps",
        "h264-interlaced",
        "hevc-mp4",
        "edit-list",
        "sound-first",
        "longer-sound",
        "starts-at-10-s-mkv",
        "h264-ts",
        "mpeg4-avi",
        "vp9-webm",
        "gif",
        "film-rate",
    ],
)
async def test_chunks_give_the_frames_of_the_whole(
    name: str, source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    made = await pipeline.prepare(source_file(name), tmp_path, SETTINGS)
    plan = made.plan
    chunks = timeline.cut_into_chunks(plan.frames, plan.fps, plan.gop * 2, (1,))
    assert len(chunks) >= 3
    whole = await transcode.encode_chunk(
        made.source, plan, transcode.whole(plan), plan.encoded, folder(tmp_path, "whole")
    )
    parts = [
        await transcode.encode_chunk(
            made.source, plan, chunk, plan.encoded, folder(tmp_path, "parts")
        )
        for chunk in chunks
    ]
    for rung in plan.encoded:
        joined = tmp_path / f"{rung.name}.mp4"
        package.join([part[rung.name] for part in parts], joined, segment_seconds=Fraction(1))
        assert samples(joined) == samples(whole[rung.name])
        assert pictures(joined) == pictures(whole[rung.name])


async def test_all_rungs_have_the_same_key_frames(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    made = await pipeline.prepare(source_file("60-fps"), tmp_path, SETTINGS)
    files = await transcode.encode_chunk(
        made.source, made.plan, transcode.whole(made.plan), made.plan.encoded, tmp_path
    )
    times = [pipeline.key_times(file) for file in files.values()]
    assert times[0] == times[1] == [Fraction(number, 2) for number in range(8)]
    assert {rung.fps for rung in made.plan.encoded} == {Fraction(30)}


async def test_a_varying_source_shows_each_picture_at_its_time(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    """Frame n of the time line is the last picture that was due by then, rounded to frames."""
    path = source_file("vfr-mp4")
    plan = ladder.plan(await probe.probe(path), SETTINGS)
    made = await transcode.encode_chunk(
        path, plan, transcode.whole(plan), plan.encoded[:1], tmp_path
    )
    shown = pictures(made[plan.encoded[0].name])
    with av.open(str(path)) as media:
        stream = media.streams.video[0]
        due = [
            (round(Fraction(frame.pts or 0) * (stream.time_base or 0) * plan.fps), digest(frame))
            for frame in media.decode(stream)
        ]
    for number, picture in enumerate(shown):
        assert picture == [one for time, one in due if time <= number][-1]


async def test_sound_is_gapless_and_in_step(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    """Fragments follow each other without a hole; the tone keeps the phase it has in the source."""
    path = source_file("h264-mov-pcm")
    plan = ladder.plan(await probe.probe(path), SETTINGS)
    made = await audio.encode_audio(path, plan, plan.audio[0], tmp_path / "a.mp4")
    times = samples(made)
    assert all(after == time + length for (time, length, _), (after, *_) in pairs(times))
    assert sum(length for _, length, _ in times) == 4 * 48000
    assert await offset(path, made) == 0


@pytest.mark.parametrize("name", ["h264-mp4", "h264-mkv", "starts-at-10-s-mkv", "mono"])
async def test_copied_sound_is_in_step_within_half_a_packet(
    name: str, source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file(name)
    plan: Plan = ladder.plan(await probe.probe(path), replace(SETTINGS, may_copy=True))
    assert plan.audio[0].is_copy
    made = await audio.encode_audio(path, plan, plan.audio[0], tmp_path / "a.mp4")
    encoded = replace(plan.audio[0], is_copy=False)
    exact = await audio.encode_audio(path, plan, encoded, tmp_path / "b.mp4")
    assert abs(await offset(exact, made)) <= 512


async def test_sound_that_begins_late_waits_in_silence(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file("picture-first")
    plan = ladder.plan(await probe.probe(path), SETTINGS)
    made = await audio.encode_audio(path, plan, plan.audio[0], tmp_path / "a.mp4")
    values, rate = pipeline.samples(made)
    assert max(map(abs, values[: int(rate * 0.95)])) < 0.01
    assert max(map(abs, values[int(rate * 1.05) : rate * 2])) > 0.1


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir(exist_ok=True)
    return made


def samples(path: Path) -> list[tuple[int, int, bool]]:
    """Start, duration and kind of each fragment, and so every time in the file."""
    with PieceReader(path) as reader:
        return [
            (piece.fragment.start, piece.fragment.duration, piece.fragment.is_key)
            for piece in reader.pieces()
        ]


def pairs(
    times: list[tuple[int, int, bool]],
) -> Iterator[tuple[tuple[int, int, bool], tuple[int, int, bool]]]:
    return pairwise(times)


def pictures(path: Path) -> list[str]:
    with av.open(str(path)) as media:
        return [digest(frame) for frame in media.decode(media.streams.video[0])]


def digest(frame: av.VideoFrame) -> str:
    luma = frame.planes[0]
    rows = bytes(luma)
    visible = b"".join(
        rows[row * luma.line_size : row * luma.line_size + frame.width]
        for row in range(frame.height)
    )
    return hashlib.sha256(visible).hexdigest()


async def offset(expected: Path, made: Path) -> int:
    """By how many samples `made` is late, found by sliding half a second over the other."""
    (first, rate), (second, other_rate) = pipeline.samples(expected), pipeline.samples(made)
    assert rate == other_rate
    start, length = rate, 400
    part = second[start : start + length]
    scores = {
        shift: sum(a * b for a, b in zip(part, first[start - shift :], strict=False))
        for shift in range(-54, 55)  # a period of the tone is 109 samples
    }
    return max(scores, key=lambda shift: scores[shift])


@pytest.mark.parametrize("may_copy", [True, False])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov", "late.mkv"])
async def test_flash_and_beep_stay_together(name: str, may_copy: bool, tmp_path: Path) -> None:
    """Seen and heard at once to within a fortieth of a second, whatever was copied or rewritten."""
    first = tmp_path / "first.mp4"
    makers.flash_and_beep(first)
    path = tmp_path / name
    offset = ("-output_ts_offset", "7") if name == "late.mkv" else ()
    makers.run("-i", first, "-c", "copy", *offset, path)
    made = await pipeline.run(path, tmp_path, replace(SETTINGS, may_copy=may_copy, encoder="x264"))
    assert all(track.is_copy is may_copy for track in made.plan.audio)
    values, rate = pipeline.samples(made.files[made.plan.audio[0].name])
    heard = next(number for number, value in enumerate(values) if abs(value) > 0.05) / rate
    for rung in made.plan.rungs:
        seen = float(flash(made.files[rung.name]) / rung.fps)
        assert heard == pytest.approx(seen, abs=0.025), rung.name


def flash(path: Path) -> int:
    """The number of the first white frame."""
    with av.open(str(path)) as media:
        for number, frame in enumerate(media.decode(media.streams.video[0])):
            if bytes(frame.planes[0])[frame.planes[0].line_size * 50 + 50] > 128:
                return number
    raise AssertionError("no flash")
