"""Encoder profiles: what works here really works, what does not says why."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from app.media import encoders, ladder, package, probe, transcode
from tests.media import pipeline


async def test_the_default_encoder_works() -> None:
    assert await encoders.usable("x264") is None


@pytest.mark.parametrize("profile", ["nvenc", "vaapi", "qsv", "v4l2m2m"])
async def test_hardware_that_is_not_there_gives_a_reason(profile: str) -> None:
    reason = await encoders.usable(profile)
    assert reason is None or (len(reason) > 5 and "\n" not in reason)


async def test_an_unknown_profile_is_unusable() -> None:
    assert await encoders.usable("magic") == "there is no encoder profile named magic"


def test_the_report_names_every_profile() -> None:
    lines = encoders.report().splitlines()
    assert [line.split()[0] for line in lines] == list(encoders.PROFILES)
    assert lines[0].split() == ["x264", "works"]


def test_every_profile_has_arguments_for_a_rung() -> None:
    rung = ladder.Rung("720p", 720, 1280, 720, Fraction(30), 1, 60, 3_000_000, "x264")
    for name in encoders.PROFILES:
        words = encoders.encode_arguments(replace(rung, encoder=name), threads=2)
        assert words[:2] == ["-c:v", encoders.PROFILES[name].codec]
        assert not any("{" in word for word in words)
        assert "60" in " ".join(words)


async def test_av1_beside_h264_is_aligned_with_it(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = replace(
        pipeline.SETTINGS, resolutions=(180,), may_copy=False, extra_encoder="svtav1"
    )
    path = source_file("h264-mp4")
    plan = ladder.plan(await probe.probe(path), settings)
    assert [rung.name for rung in plan.rungs] == ["180p", "180p-av1"]
    parts = [
        await transcode.encode_chunk(path, plan, chunk, plan.encoded, tmp_path)
        for chunk in plan.chunks
    ]
    assert len(parts) > 1
    times = []
    for rung in plan.encoded:
        joined = tmp_path / f"{rung.name}.mp4"
        rendition = package.join(
            [part[rung.name] for part in parts], joined, segment_seconds=plan.segment_seconds
        )
        assert rendition.samples == 120
        assert pipeline.decode_video(joined).frames == 120
        times.append(pipeline.key_times(joined))
        codec = "av01.0.00M.08" if rung.encoder == "svtav1" else "avc1.64000d"
        assert rendition.codecs == codec
    assert times[0] == times[1]
