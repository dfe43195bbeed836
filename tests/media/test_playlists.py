"""Playlists and manifests as independent readers understand them."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import defusedxml.ElementTree
import m3u8
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.media import dash, package, playlists
from app.media.renditions import KeyFrame, Rendition, Segment
from tests.media import pipeline

MPD = "{urn:mpeg:dash:schema:mpd:2011}"


@pytest.fixture
async def made(source_file: Callable[[str], Path], tmp_path: Path) -> pipeline.Made:
    return await pipeline.run(source_file("several-audio-tracks"), tmp_path)


def test_media_playlists_point_at_every_byte(made: pipeline.Made) -> None:
    for name, rendition in made.renditions.items():
        text = playlists.media_playlist(rendition, made.files[name].name)
        playlist = m3u8.loads(text)
        assert playlist.version == 7
        assert playlist.playlist_type == "vod"
        assert playlist.is_endlist
        assert playlist.is_independent_segments
        offset = rendition.init_size
        for segment in playlist.segments:
            assert segment.init_section.byterange == f"{rendition.init_size}@0"
            size, _, start = segment.byterange.partition("@")
            assert int(start) == offset
            offset += int(size)
        assert offset == made.files[name].stat().st_size
        durations = [segment.duration for segment in playlist.segments]
        assert sum(durations) == pytest.approx(rendition.seconds, abs=1e-4)
        assert playlist.target_duration == max(round(duration) for duration in durations)


def test_the_master_playlist_names_everything(made: pipeline.Made) -> None:
    master = m3u8.loads(made.master)
    assert master.version == 7
    assert master.is_independent_segments
    assert [one.stream_info.resolution for one in master.playlists] == [(320, 180), (170, 96)]
    for variant, rung in zip(master.playlists, made.plan.rungs, strict=True):
        info = variant.stream_info
        assert info.codecs == f"{made.renditions[rung.name].codecs},mp4a.40.2"
        assert info.codecs.startswith("avc1.")
        assert info.frame_rate == 30
        assert info.bandwidth >= info.average_bandwidth > 0
        assert info.audio == "audio"
    sounds = [(one.name, one.language, one.default, one.channels) for one in master.media]
    assert sounds == [
        ("en", "en", "NO", "2"),
        ("Deutsch", "de", "YES", "2"),
        ("fr", "fr", "NO", "1"),
    ]
    assert [one.uri for one in master.iframe_playlists] == ["180p-i.m3u8", "96p-i.m3u8"]


def test_bandwidth_is_what_the_worst_segment_needs(made: pipeline.Made) -> None:
    for name, rendition in made.renditions.items():
        playlist = m3u8.loads(playlists.media_playlist(rendition, "a.mp4"))
        worst = max(
            int(segment.byterange.partition("@")[0]) * 8 / segment.duration
            for segment in playlist.segments
        )
        assert rendition.bandwidth == pytest.approx(worst, rel=1e-3), name


def test_iframe_playlists_point_at_key_frames(made: pipeline.Made) -> None:
    rendition = made.renditions["96p"]
    text = playlists.iframe_playlist(rendition, "96p.mp4")
    playlist = m3u8.loads(text)
    assert playlist.is_i_frames_only
    assert [segment.duration for segment in playlist.segments] == [0.5] * 8


async def test_the_growing_playlist_becomes_the_finished_one(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    """A player that reloads sees the segments it knows, at the same places, then more."""
    from app.media import transcode

    encode = replace(pipeline.SETTINGS, may_copy=False)
    prepared = await pipeline.prepare(source_file("ntsc"), tmp_path, encode)
    rung = prepared.plan.encoded[-1]
    parts: list[tuple[str, Rendition]] = []
    files: list[Path] = []
    length = prepared.plan.segment_seconds
    known: list[float] = []
    for chunk in prepared.plan.chunks:
        encoded = await transcode.encode_chunk(
            prepared.source, prepared.plan, chunk, [rung], tmp_path
        )
        file = encoded[rung.name]
        files.append(file)
        parts.append((file.name, package.index(file, segment_seconds=length)))
        growing = m3u8.loads(playlists.event_playlist(parts, target_seconds=2))
        assert growing.playlist_type == "event"
        assert not growing.is_endlist
        assert growing.media_sequence == 0
        durations = [segment.duration for segment in growing.segments]
        assert durations[: len(known)] == known
        known = durations
        assert {segment.init_section.uri for segment in growing.segments} == {
            file.name for file in files
        }
    joined = package.join(files, tmp_path / "joined.mp4", segment_seconds=length)
    finished = m3u8.loads(playlists.media_playlist(joined, "joined.mp4"))
    assert [segment.duration for segment in finished.segments] == known
    assert finished.media_sequence in (0, None)
    complete = playlists.event_playlist(parts, target_seconds=2, is_complete=True)
    assert m3u8.loads(complete).is_endlist


def test_the_manifest_has_the_same_ranges(made: pipeline.Made) -> None:
    root = defusedxml.ElementTree.fromstring(made.mpd)
    assert root.get("type") == "static"
    longest = max(rendition.seconds for rendition in made.renditions.values())
    assert root.get("mediaPresentationDuration") == f"PT{longest:.3f}S"
    sets = root.findall(f"{MPD}Period/{MPD}AdaptationSet")
    assert [one.get("contentType") for one in sets] == ["video", "video", *["audio"] * 3]
    assert [one.get("lang") for one in sets[2:]] == ["en", "de", "fr"]
    for representation in root.iter(f"{MPD}Representation"):
        name = representation.get("id") or ""
        name = made.plan.rungs[0].name if name == "copy" else name
        rendition = made.renditions[name]
        assert representation.get("codecs") == rendition.codecs
        ranges = [one.get("mediaRange") for one in representation.iter(f"{MPD}SegmentURL")]
        assert ranges == list(package.segment_hashes(rendition))
        lengths = [
            int(one.get("d") or 0) * (int(one.get("r") or 0) + 1)
            for one in representation.iter(f"{MPD}S")
        ]
        assert sum(lengths) == rendition.duration


def rendition(kind: str = "video", segments: int = 2) -> Rendition:
    return Rendition(
        kind=kind,
        codecs="avc1.64001f" if kind == "video" else "mp4a.40.2",
        timescale=1000,
        init_size=700,
        size=700 + 100 * segments,
        width=640,
        height=360,
        channels=2,
        sample_rate=48000,
        samples=segments * 120,
        start=0,
        duration=4000 * segments,
        segments=tuple(
            Segment(700 + 100 * number, 100, 4000 * number, 4000, "00")
            for number in range(segments)
        ),
        keyframes=(KeyFrame(700, 50, 0, 4000 * segments),),
    )


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=12))
def test_no_label_breaks_a_playlist_or_manifest(label: str, language: str) -> None:
    sound = playlists.AudioVariant("a.m3u8", "a.mp4", rendition("audio"), label, language, True)
    words = playlists.SubtitleVariant("s.m3u8", label, language)
    variant = playlists.Variant("v.m3u8", "v.mp4", rendition())
    master = m3u8.loads(playlists.master_playlist([variant], [sound], [words]))
    assert [one.type for one in master.media] == ["AUDIO", "SUBTITLES"]
    assert [one.uri for one in master.media] == ["a.m3u8", "s.m3u8"]
    assert len(master.playlists) == 1
    defusedxml.ElementTree.fromstring(dash.manifest([variant], [sound]))


def test_a_given_bandwidth_stays_while_a_rung_grows() -> None:
    variant = playlists.Variant("v.m3u8", "v.mp4", rendition(), bandwidth=9000)
    info = m3u8.loads(playlists.master_playlist([variant])).playlists[0].stream_info
    assert info.bandwidth == 9000
    assert info.audio is None


def test_renditions_with_other_cuts_are_in_sets_of_their_own() -> None:
    longer = replace(rendition(), segments=(Segment(700, 200, 0, 8000, "00"),))
    variants = [
        playlists.Variant("a.m3u8", "a.mp4", longer),
        playlists.Variant("b.m3u8", "b.mp4", rendition()),
        playlists.Variant("c.m3u8", "c.mp4", rendition()),
    ]
    root = defusedxml.ElementTree.fromstring(dash.manifest(variants))
    sets = root.findall(f"{MPD}Period/{MPD}AdaptationSet")
    assert [len(one.findall(f"{MPD}Representation")) for one in sets] == [1, 2]


def test_rates_are_exact() -> None:
    film = replace(rendition(), timescale=30000, samples=300, duration=300 * 1001)
    assert film.frame_rate == Fraction(30000, 1001)
    text = playlists.master_playlist([playlists.Variant("v.m3u8", "v.mp4", film)])
    assert "FRAME-RATE=29.970" in text
