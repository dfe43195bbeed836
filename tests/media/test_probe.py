"""What probing says of files whose contents are known."""

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from app.media import languages, probe
from app.media.probe import VideoStream
from tests.media.sources import AAC, X264, picture, run, tone

Files = Callable[[str], Path]


async def video_of(path: Path) -> VideoStream:
    found = await probe.probe(path)
    assert found.video is not None
    return found.video


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "depth"),
    [
        ("h264-mp4", "h264", "yuv420p", 8),
        ("h264-10-bit", "h264", "yuv420p10le", 10),
        ("hevc-10-bit-mkv", "hevc", "yuv420p10le", 10),
        ("vp9-webm", "vp9", "yuv420p", 8),
        ("av1-mp4", "av1", "yuv420p", 8),
        ("prores-mov", "prores", "yuv422p10le", 10),
    ],
)
async def test_codecs(
    name: str, codec: str, pixel_format: str, depth: int, source_file: Files
) -> None:
    video = await video_of(source_file(name))
    assert (video.codec, video.pixel_format, video.bit_depth) == (codec, pixel_format, depth)
    assert video.frames == 120
    assert (video.width, video.height) == (320, 180)


@pytest.mark.parametrize(
    ("name", "rotation", "shown"),
    [
        ("rotated-90", 90, (180, 320)),
        ("rotated-180", 180, (320, 180)),
        ("rotated-270", 270, (180, 320)),
        ("portrait", 0, (180, 320)),
        ("anamorphic", 0, (256, 144)),
    ],
)
async def test_orientation_and_shape(
    name: str, rotation: int, shown: tuple[int, int], source_file: Files
) -> None:
    video = await video_of(source_file(name))
    assert (video.rotation, video.display_size) == (rotation, shown)


@pytest.mark.parametrize(
    ("name", "transfer", "is_hdr"),
    [
        ("hdr-pq", "smpte2084", True),
        ("hdr-hlg", "arib-std-b67", True),
        ("hevc-mp4", "unknown", False),
    ],
)
async def test_hdr(name: str, transfer: str, is_hdr: bool, source_file: Files) -> None:
    colour = (await video_of(source_file(name))).colour
    assert (colour.transfer, colour.is_hdr) == (transfer, is_hdr)
    if is_hdr:
        assert (colour.primaries, colour.matrix) == ("bt2020", "bt2020nc")


@pytest.mark.parametrize(
    ("name", "is_vfr"),
    [
        ("h264-mp4", False),
        ("h264-mkv", False),
        ("ntsc-mkv", False),
        ("vfr-mkv", True),
        ("vfr-mp4", True),
    ],
)
async def test_varying_rates(name: str, is_vfr: bool, source_file: Files) -> None:
    assert (await video_of(source_file(name))).is_vfr is is_vfr


@pytest.mark.parametrize(
    ("name", "is_interlaced"),
    [("h264-interlaced", True), ("mpeg2-interlaced-ts", True), ("h264-mp4", False)],
)
async def test_interlacing(name: str, is_interlaced: bool, source_file: Files) -> None:
    assert (await video_of(source_file(name))).is_interlaced is is_interlaced


async def test_key_frames(source_file: Files) -> None:
    for name in ("h264-mp4", "h264-mkv"):
        video = await video_of(source_file(name))
        distances = [key - video.keyframes[0] for key in video.keyframes]
        assert distances == pytest.approx([0, 1, 2, 3], abs=0.01)
        assert video.longest_keyframe_gap == pytest.approx(1, abs=0.05)
        assert video.starts_with_key
    far = await video_of(source_file("h264-far-keys"))
    assert far.longest_keyframe_gap == pytest.approx(12, abs=0.1)


async def test_an_edit_list_hides_frames(source_file: Files) -> None:
    assert (await video_of(source_file("edit-list"))).has_hidden_frames
    assert not (await video_of(source_file("h264-mp4"))).has_hidden_frames


async def test_clocks_that_start_late(source_file: Files) -> None:
    found = await probe.probe(source_file("starts-at-10-s-mkv"))
    assert found.video is not None
    assert float(found.video.start) == pytest.approx(10, abs=0.1)
    assert float(found.duration) == pytest.approx(4, abs=0.1)


async def test_sound_tracks(source_file: Files) -> None:
    found = await probe.probe(source_file("several-audio-tracks"))
    assert [
        (sound.language, sound.title, sound.channels, sound.is_default) for sound in found.audio
    ] == [("eng", "", 2, False), ("ger", "Deutsch", 2, True), ("fra", "", 1, False)]
    surround = await probe.probe(source_file("7.1"))
    assert surround.audio[0].channels == 8


async def test_chapters_titles_and_subtitles(tmp_path: Path) -> None:
    words, notes, path = tmp_path / "a.srt", tmp_path / "a.txt", tmp_path / "a.mkv"
    words.write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    notes.write_text(
        ";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1\nSTART=2\nEND=4\ntitle=Two\n"
    )
    inputs: list[str | Path] = [*picture(), *tone(), "-i", words, "-i", notes]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3"]
    run(*inputs, *maps, *X264, *AAC, "-c:s", "srt", "-metadata:s:s:0", "language=swe", path)
    found = await probe.probe(path)
    assert found.title == "A film"
    assert [chapter.title for chapter in found.chapters] == ["One", "Two"]
    assert [chapter.start for chapter in found.chapters] == pytest.approx([0, 2], abs=0.05)
    assert [(one.codec, one.language) for one in found.subtitles] == [("srt", "swe")]


async def test_a_single_frame_has_a_rate(source_file: Files) -> None:
    video = await video_of(source_file("one-frame"))
    assert (video.frames, video.frame_rate) == (1, Fraction(30))
    assert video.end - video.start == Fraction(1, 30)


def test_the_worker_stays_small() -> None:
    """Importing all of app.media must not bring in PyAV or Pillow: they belong into children."""
    root = Path(__file__).parents[2]
    modules = ", ".join(
        f"app.media.{path.stem}"
        for path in sorted((root / "app/media").glob("*.py"))
        if path.stem not in ("__init__", "child")
    )
    code = f"import sys; import {modules}; print({{'av', 'PIL', 'numpy'}} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("code", "short"),
    [
        ("eng", "en"),
        ("ger", "de"),
        ("deu", "de"),
        ("und", ""),
        ("", ""),
        ("gsw", "gsw"),
        ("pt-BR", "pt-BR"),
        ("klingon language", ""),
        ("x1", ""),
    ],
)
def test_languages(code: str, short: str) -> None:
    assert languages.bcp47(code).lower() == short.lower()
