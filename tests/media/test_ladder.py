"""What is decided from a probe: rates, sizes, copies, chunks."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.media import ladder, probe, records, rungs, timeline
from app.media.errors import MediaError, Reason
from app.media.ladder import LadderSettings, Plan
from app.media.probe import AudioStream, Colour, Probe, VideoStream

VIDEO = VideoStream(
    index=0,
    codec="h264",
    profile="High",
    level=40,
    pixel_format="yuv420p",
    bit_depth=8,
    width=1920,
    height=1080,
    sample_aspect=Fraction(1),
    rotation=0,
    is_mirrored=False,
    frame_rate=Fraction(30),
    average_rate=Fraction(30),
    is_vfr=False,
    is_interlaced=False,
    colour=Colour("bt709", "bt709", "bt709", is_full_range=False),
    bitrate=6_000_000,
    frames=1800,
    start=Fraction(0),
    end=Fraction(60),
    starts_with_key=True,
    has_hidden_frames=False,
    keyframes=(0.0, 8.0),
    longest_keyframe_gap=8.3,
)
SOUND = AudioStream(
    index=1,
    codec="aac",
    profile="LC",
    channels=2,
    sample_rate=48000,
    bitrate=128_000,
    language="ger",
    title="",
    is_default=True,
    start=Fraction(0),
    end=Fraction(60),
)
PROBE = Probe(
    container="mov",
    size=45_000_000,
    duration=Fraction(60),
    video=VIDEO,
    audio=(SOUND,),
    pictures=(),
    subtitles=(),
    chapters=(),
    title="",
)
ENCODE = LadderSettings(may_copy=False)


def with_video(**changes: object) -> Probe:
    return replace(PROBE, video=replace(VIDEO, **changes))  # type: ignore[arg-type]


def test_a_web_safe_film_is_copied_and_gets_lower_rungs() -> None:
    plan = ladder.plan(PROBE)
    assert plan.why_not_copied == ""
    assert [(rung.name, rung.is_copy) for rung in plan.rungs] == [
        ("1080p", True),
        ("720p", False),
        ("480p", False),
        ("360p", False),
        ("240p", False),
        ("144p", False),
    ]
    assert plan.audio[0].is_copy
    assert (plan.audio[0].name, plan.audio[0].language) == ("audio-0-de", "de")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"codec": "hevc"}, "its codec is hevc"),
        ({"profile": "High 10"}, "its profile is High 10"),
        ({"level": 61}, "its level is 6.1"),
        ({"pixel_format": "yuv444p"}, "its pixel format is yuv444p"),
        ({"is_interlaced": True}, "it is interlaced"),
        ({"rotation": 90}, "it is turned"),
        ({"is_mirrored": True}, "it is turned"),
        ({"sample_aspect": Fraction(4, 3)}, "its pixels are not square"),
        ({"width": 1919}, "its size is odd"),
        ({"width": 8000, "height": 4000}, "it is larger than the largest rendition"),
        ({"average_rate": Fraction(120)}, "it has too many frames a second"),
        ({"has_hidden_frames": True}, "an edit list hides a part of it"),
        ({"starts_with_key": False}, "it does not start with a key frame"),
        ({"longest_keyframe_gap": 12.0}, "its key frames are too far apart"),
        ({"bitrate": 20_000_000}, "its bit rate is too high"),
        ({"colour": Colour("bt2020", "smpte2084", "bt2020nc", is_full_range=False)}, "it is HDR"),
        ({"end": Fraction(50)}, "the sound is longer"),
        ({"start": Fraction(1)}, "the sound begins long before it"),
    ],
)  # fmt: skip
def test_what_is_not_copied(changes: dict[str, object], why: str) -> None:
    plan = ladder.plan(with_video(**changes))
    assert plan.why_not_copied == why
    assert plan.copied is None


def test_nothing_is_copied_where_that_is_switched_off() -> None:
    plan = ladder.plan(PROBE, ENCODE)
    assert plan.copied is None
    assert not plan.audio[0].is_copy


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), [1080, 720, 480, 360, 240, 144]),
        ((1080, 1920), [1080, 720, 480, 360, 240, 144]),
        ((3840, 2160), [2160, 1440, 1080, 720, 480, 360, 240, 144]),
        ((7680, 4320), [2160, 1440, 1080, 720, 480, 360, 240, 144]),
        ((1920, 800), [800, 480, 360, 240, 144]),
        ((1280, 534), [534, 360, 240, 144]),
        ((640, 480), [480, 360, 240, 144]),
        ((641, 361), [360, 240, 144]),
        ((100, 60), [60]),
        ((10, 8), [16]),
    ],
)
def test_ladders(size: tuple[int, int], expected: list[int]) -> None:
    plan = ladder.plan(with_video(width=size[0], height=size[1]), ENCODE)
    assert [rung.resolution for rung in plan.rungs] == expected


def test_portrait_is_measured_by_its_short_side() -> None:
    plan = ladder.plan(with_video(rotation=90), ENCODE)
    assert [(rung.width, rung.height) for rung in plan.rungs[:2]] == [(1080, 1920), (720, 1280)]


def test_anamorphic_pixels_are_squared() -> None:
    shown = with_video(width=720, height=576, sample_aspect=Fraction(64, 45))
    plan = ladder.plan(shown, ENCODE)
    assert (plan.rungs[0].width, plan.rungs[0].height) == (1024, 576)


@settings(deadline=None)
@given(
    st.integers(1, 9000),
    st.integers(1, 9000),
    st.sets(st.sampled_from(sorted(rungs.BITS_PER_PIXEL)), min_size=1),
    st.fractions(Fraction(1, 20), 20, max_denominator=100),
)
def test_every_size_makes_a_ladder(
    width: int, height: int, resolutions: set[int], aspect: Fraction
) -> None:
    wanted = replace(ENCODE, resolutions=tuple(resolutions))
    shown = with_video(width=width, height=height, sample_aspect=aspect)
    plan = ladder.plan(shown, wanted)
    assert plan.rungs
    for rung in plan.rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert min(rung.width, rung.height) >= rungs.SHORTEST_SIDE
        assert rung.max_bitrate > 0
    assert len({rung.name for rung in plan.rungs}) == len(plan.rungs)
    sizes = [rung.width * rung.height for rung in plan.rungs]
    assert sizes == sorted(sizes, reverse=True)


def test_caps_are_the_usual_figures() -> None:
    plan = ladder.plan(with_video(bitrate=0, width=3840, height=2160), ENCODE)
    caps = {rung.resolution: rung.max_bitrate // 1000 for rung in plan.rungs}
    assert caps == {
        2160: 19906,
        1440: 9953,
        1080: 6220,
        720: 3041,
        480: 1475,
        360: 1036,
        240: 521,
        144: 210,
    }


def test_a_poor_source_is_not_blown_up() -> None:
    capped = ladder.plan(with_video(bitrate=1_000_000), ENCODE).rungs[0].max_bitrate
    assert capped == 1_300_000 > rungs.LEAST_BITS_PER_PIXEL * 1920 * 1080 * 30
    better = ladder.plan(with_video(bitrate=1_300_000, codec="av1"), ENCODE)
    assert better.rungs[0].max_bitrate == 3_250_000


@pytest.mark.parametrize(
    ("rate", "is_vfr", "most", "expected"),
    [
        (Fraction(30000, 1001), False, 60, Fraction(30000, 1001)),
        (Fraction(2997, 100), False, 60, Fraction(30000, 1001)),
        (Fraction(29), True, 60, Fraction(30)),
        (Fraction(62), True, 60, Fraction(60)),
        (Fraction(120), False, 60, Fraction(60)),
        (Fraction(100), False, 60, Fraction(50)),
        (Fraction(60), False, 30, Fraction(30)),
        (Fraction(1, 2), False, 60, Fraction(1)),
        (Fraction(3, 10), False, 60, Fraction(6, 5)),
        (Fraction(0), False, 60, Fraction(30)),
        (Fraction(1000), True, 60, Fraction(1000, 17)),
    ],
)
def test_frame_rates(rate: Fraction, is_vfr: bool, most: int, expected: Fraction) -> None:
    video = replace(VIDEO, frame_rate=rate, is_vfr=is_vfr)
    assert timeline.frame_rate(video, most) == expected


def test_small_rungs_halve_high_rates_and_stay_aligned() -> None:
    high = with_video(frame_rate=Fraction(60), average_rate=Fraction(60), frames=3600)
    plan = ladder.plan(high, ENCODE)
    assert [(rung.resolution, int(rung.fps), rung.gop) for rung in plan.rungs[:3]] == [
        (1080, 60, 120),
        (720, 60, 120),
        (480, 30, 60),
    ]
    assert {rung.gop / rung.fps for rung in plan.rungs} == {2}


@settings(deadline=None)
@given(
    st.integers(1, 100_000),
    st.sampled_from(timeline.STANDARD_RATES),
    st.integers(1, 500),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_chunks_cover_every_frame_once(
    frames: int, fps: Fraction, segment: int, seconds: list[int]
) -> None:
    chunks = timeline.cut_into_chunks(frames, fps, segment, tuple(seconds))
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    first = 0
    for chunk in chunks:
        assert chunk.first == first
        assert chunk.first % segment == 0
        assert chunk.frames > 0
        first += chunk.frames
    assert first == frames


def test_the_first_chunk_is_short() -> None:
    plan = ladder.plan(PROBE, ENCODE)
    assert [chunk.frames / 30 for chunk in plan.chunks] == [4, 8, 16, 32]
    assert plan.segment_seconds == 4


async def test_three_hours_are_cut_into_chunks(source_file: Callable[[str], Path]) -> None:
    found = await probe.probe(source_file("three-hours"))
    plan = ladder.plan(found, ENCODE)
    assert plan.frames == 10800
    assert plan.duration == 10800
    assert len(plan.chunks) == 388
    assert plan.chunks[-1].first + plan.chunks[-1].frames == 10800


def test_a_late_picture_waits_whole_frames() -> None:
    plan = ladder.plan(with_video(start=Fraction(103, 100)), ENCODE)
    assert plan.source.first_frame == Fraction(103, 100)
    wait = (plan.source.first_frame - plan.source.start) * plan.fps
    assert wait.denominator == 1
    assert plan.source.start <= 0
    little = ladder.plan(with_video(start=Fraction(1, 5)))
    assert little.source.start == Fraction(1, 5)
    assert little.copied


def test_sound_only_becomes_a_still_film() -> None:
    cover = replace(PROBE, video=None, container="mp3", audio=(replace(SOUND, codec="mp3"),))
    plan = ladder.plan(cover)
    assert plan.is_still
    assert [(rung.width, rung.height) for rung in plan.rungs] == [(1280, 720)]
    assert plan.frames == 60
    assert not plan.audio[0].is_copy
    small = ladder.plan(cover, LadderSettings(resolutions=(240, 360)))
    assert [(rung.width, rung.height) for rung in small.rungs] == [(640, 360)]


def test_nothing_to_show() -> None:
    with pytest.raises(MediaError) as caught:
        ladder.plan(replace(PROBE, video=None, audio=()))
    assert caught.value.reason is Reason.NO_STREAMS


@pytest.mark.parametrize(
    ("changes", "is_copy"),
    [
        ({}, True),
        ({"codec": "mp3"}, False),
        ({"profile": "HE-AAC"}, False),
        ({"channels": 6}, False),
        ({"sample_rate": 22050}, False),
        ({"bitrate": 500_000}, False),
        ({"start": Fraction(1, 2)}, False),
        ({"end": Fraction(55)}, False),
    ],
)
def test_which_sound_is_copied(changes: dict[str, object], is_copy: bool) -> None:
    sound = replace(SOUND, **changes)  # type: ignore[arg-type]
    track = ladder.plan(replace(PROBE, audio=(sound,))).audio[0]
    assert track.is_copy is is_copy
    assert track.channels <= 2
    assert track.sample_rate in (44100, 48000)


def test_tracks_have_names_of_their_own() -> None:
    sounds = (
        SOUND,
        replace(SOUND, index=2, is_default=False),
        replace(SOUND, index=3, language=""),
    )
    tracks = ladder.plan(replace(PROBE, audio=sounds)).audio
    assert [track.label for track in tracks] == ["de", "de (2)", "Audio 3"]
    assert [track.name for track in tracks] == ["audio-0-de", "audio-1-de", "audio-2"]
    assert [track.is_default for track in tracks] == [True, False, False]


def test_an_extra_codec_doubles_the_encoded_rungs() -> None:
    wanted = LadderSettings(resolutions=(360, 720), extra_encoder="svtav1")
    plan = ladder.plan(PROBE, wanted)
    assert [rung.name for rung in plan.rungs] == ["720p", "720p-av1", "360p", "360p-av1"]
    by_name = {rung.name: rung for rung in plan.rungs}
    assert by_name["360p-av1"].max_bitrate < by_name["360p"].max_bitrate


def test_a_plan_survives_json() -> None:
    plan = ladder.plan(PROBE)
    assert records.load(Plan, records.dump(plan)) == plan
    assert records.load(Probe, records.dump(PROBE)) == PROBE


@pytest.mark.parametrize("value", [None, [], {}, {"fps": "x"}, {"fps": "1/0"}])
def test_what_is_no_plan_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a Plan"):
        records.load(Plan, value)


@pytest.mark.parametrize(
    ("container", "is_rewritten"),
    [("mov", False), ("matroska", False), ("gif", False), ("avi", True), ("mpegts", True)],
)
def test_which_containers_are_rewritten(container: str, is_rewritten: bool) -> None:
    why = ladder.why_normalise(replace(PROBE, container=container))
    assert bool(why) is is_rewritten
    sound_only = replace(PROBE, container=container, video=None)
    assert ladder.why_normalise(sound_only) is None
