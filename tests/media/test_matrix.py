"""Every kind of upload goes through the whole pipeline, and what comes out is decoded."""

from collections.abc import Callable
from fractions import Fraction
from math import sqrt
from pathlib import Path

import pytest

from tests.media import pipeline
from tests.media.sources import SOURCES, Source

CORNERS = ("red", "green", "blue", "yellow")


@pytest.mark.parametrize(
    "source", [one for one in SOURCES if not one.is_long], ids=lambda source: source.name
)
async def test_every_kind_of_source(
    source: Source, source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    made = await pipeline.run(source_file(source.name), tmp_path)
    plan = made.plan
    assert (made.source.name == "normal.mkv") == source.is_normalised
    assert plan.is_still == source.is_still
    assert plan.fps == source.fps
    assert float(plan.duration) == pytest.approx(source.seconds, abs=source.slack)
    assert bool(plan.copied) == source.is_copied, plan.why_not_copied
    if not source.is_still:
        assert (plan.rungs[0].width, plan.rungs[0].height) == (
            source.size[0] // 2 * 2,
            source.size[1] // 2 * 2,
        )
    for rung in plan.rungs:
        check_video(made, rung.name, source)
    aligned = [pipeline.key_times(made.files[rung.name]) for rung in plan.encoded]
    assert all(times == aligned[0] for times in aligned)
    assert [track.channels for track in plan.audio] == list(source.channels)
    assert [track.language for track in plan.audio] == list(source.languages)
    for track in plan.audio:
        check_audio(made, track.name)


def check_video(made: pipeline.Made, name: str, source: Source) -> None:
    rung = next(rung for rung in made.plan.rungs if rung.name == name)
    rendition = made.renditions[name]
    decoded = pipeline.decode_video(made.files[name])
    assert decoded.frames == rendition.samples
    assert decoded.middle.size == (rung.width, rung.height)
    assert rendition.start == 0
    if rung.is_copy:
        assert rendition.seconds == pytest.approx(float(made.plan.duration), abs=0.1)
    else:
        assert decoded.frames == -(-made.plan.frames // rung.step)
        assert rendition.frame_rate == rung.fps
        assert len(decoded.deltas) <= 1
        wanted = [
            Fraction(number * rung.gop) / rung.fps for number in range(len(rendition.keyframes))
        ]
        assert pipeline.key_times(made.files[name]) == wanted
        assert len(wanted) == -(-decoded.frames // rung.gop)
    if not source.is_still:
        assert pipeline.corners(decoded.middle) == CORNERS


def check_audio(made: pipeline.Made, name: str) -> None:
    rendition = made.renditions[name]
    assert rendition.codecs == "mp4a.40.2"
    assert rendition.start == 0
    values, rate = pipeline.samples(made.files[name])
    assert len(values) / rate == pytest.approx(float(made.plan.duration), abs=0.3)
    middle = values[int(len(values) * 0.45) : int(len(values) * 0.55)]
    assert sqrt(sum(value * value for value in middle) / len(middle)) > 0.05
