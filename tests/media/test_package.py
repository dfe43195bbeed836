"""Fragmented MP4 files are indexed, joined and cut without changing a sample."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TypeVar

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.media import audio, ladder, package, probe, records, transcode
from app.media.boxes import children
from app.media.errors import MediaError, Reason
from app.media.fragments import read_fragment
from app.media.ladder import LadderSettings
from app.media.package import Rendition
from app.media.pieces import PieceReader
from app.media.tracks import read_track
from tests.media import pipeline

SECOND = Fraction(1)
SETTINGS = replace(pipeline.SETTINGS, may_copy=False)


async def make_parts(path: Path, folder: Path, settings: LadderSettings = SETTINGS) -> list[Path]:
    plan = ladder.plan(await probe.probe(path), settings)
    rung = plan.encoded[-1]
    return [
        (await transcode.encode_chunk(path, plan, chunk, [rung], folder))[rung.name]
        for chunk in plan.chunks
    ]


@pytest.fixture
async def parts(source_file: Callable[[str], Path], tmp_path: Path) -> list[Path]:
    return await make_parts(source_file("h264-mp4"), tmp_path)


def test_every_segment_is_hashed_and_covers_the_file(parts: list[Path], tmp_path: Path) -> None:
    joined = tmp_path / "joined.mp4"
    rendition = package.join(parts, joined, segment_seconds=SECOND)
    data = joined.read_bytes()
    offset = rendition.init_size
    for segment in rendition.segments:
        assert segment.offset == offset
        piece = data[segment.offset : segment.offset + segment.size]
        assert hashlib.sha256(piece).hexdigest() == segment.sha256
        offset += segment.size
    assert offset == len(data) == rendition.size
    assert [s.duration for s in rendition.segments] == [rendition.timescale] * 4
    assert package.index(joined, segment_seconds=SECOND) == rendition
    assert package.segment_hashes(rendition)[
        f"{rendition.init_size}-{rendition.segments[0].offset + rendition.segments[0].size - 1}"
    ] == (rendition.segments[0].sha256)


def test_the_growing_parts_have_the_segments_of_the_joined_file(
    parts: list[Path], tmp_path: Path
) -> None:
    joined = package.join(parts, tmp_path / "joined.mp4", segment_seconds=SECOND)
    growing = [package.index(part, segment_seconds=SECOND) for part in parts]
    assert [
        (segment.start, segment.duration, segment.size)
        for part in growing
        for segment in part.segments
    ] == [(segment.start, segment.duration, segment.size) for segment in joined.segments]


def test_sequence_numbers_count_through_all_parts(parts: list[Path], tmp_path: Path) -> None:
    joined = tmp_path / "joined.mp4"
    package.join(parts, joined, segment_seconds=SECOND)
    assert sequence_numbers([joined]) == sequence_numbers(parts) == list(range(1, 9))


def sequence_numbers(paths: list[Path]) -> list[int]:
    numbers: list[int] = []
    for path in paths:
        with PieceReader(path) as reader:
            for piece in reader.pieces():
                at = piece.fragment.sequence_at
                numbers.append(int.from_bytes(piece.moof[at : at + 4], "big"))
    return numbers


def test_each_key_frame_is_found_in_its_bytes(parts: list[Path], tmp_path: Path) -> None:
    """What an I-frame playlist points at is decodable alone: one key frame."""
    joined = tmp_path / "joined.mp4"
    rendition = package.join(parts, joined, segment_seconds=SECOND)
    data = joined.read_bytes()
    assert len(rendition.keyframes) == 8
    for key in rendition.keyframes:
        alone = tmp_path / "key.mp4"
        piece = data[key.offset : key.offset + key.size]
        alone.write_bytes(data[: rendition.init_size] + piece)
        with av.open(str(alone)) as media:
            first = next(packet for packet in media.demux(media.streams.video[0]) if packet.size)
            assert first.is_keyframe
            media.streams.video[0].codec_context.thread_count = 1
            assert [*first.decode(), *media.streams.video[0].decode(None)]
            assert key.size == (first.pos or 0) - rendition.init_size + first.size


def test_chunks_of_different_encodes_are_not_joined(parts: list[Path], tmp_path: Path) -> None:
    data = bytearray(parts[1].read_bytes())
    at = data.index(b"avcC") + 4
    data[at + 3] += 1
    parts[1].write_bytes(bytes(data))
    with pytest.raises(MediaError) as caught:
        package.join(parts, tmp_path / "joined.mp4", segment_seconds=SECOND)
    assert caught.value.reason is Reason.CHUNK_MISMATCH
    assert not (tmp_path / "joined.mp4").exists()


def test_a_missing_chunk_is_noticed(parts: list[Path], tmp_path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        package.join([parts[0], parts[2]], tmp_path / "joined.mp4", segment_seconds=SECOND)
    assert caught.value.reason is Reason.CHUNK_MISMATCH


async def test_a_growing_file_gives_only_segments_that_stay(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file("h264-far-keys")
    plan = ladder.plan(await probe.probe(path), SETTINGS)
    made = await audio.encode_audio(path, plan, plan.audio[0], tmp_path / "a.mp4")
    whole = package.index(made, segment_seconds=Fraction(4))
    data = made.read_bytes()
    assert len(whole.segments) == 3
    seen = 0
    for length in range(whole.init_size, len(data), 20_011):
        part = tmp_path / "part.mp4"
        part.write_bytes(data[:length])
        growing = package.index(part, segment_seconds=Fraction(4), growing=True)
        assert growing.segments == whole.segments[: len(growing.segments)]
        assert len(growing.segments) >= seen
        seen = len(growing.segments)
    assert seen == 2


async def test_a_piece_that_was_cut_plays_at_its_place(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file("h264-far-keys")
    plan = ladder.plan(await probe.probe(path), SETTINGS)
    made = await audio.encode_audio(path, plan, plan.audio[0], tmp_path / "a.mp4")
    whole = package.index(made, segment_seconds=Fraction(4))
    piece = package.cut(made, tmp_path / "b.mp4", first=1, end=2, segment_seconds=Fraction(4))
    assert piece.start == whole.segments[1].start
    assert [segment.sha256 for segment in piece.segments] == [whole.segments[1].sha256]
    with pytest.raises(ValueError, match="2 segments"):
        package.cut(made, tmp_path / "c.mp4", first=2, end=3, segment_seconds=Fraction(4))
    assert not (tmp_path / "c.mp4").exists()


def test_a_rendition_survives_json(parts: list[Path]) -> None:
    rendition = package.index(parts[0], segment_seconds=SECOND)
    assert records.load(Rendition, records.dump(rendition)) == rendition


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_crash_the_readers(data: bytes) -> None:
    refused_or_read(lambda: list(children(data, 0, len(data))))
    refused_or_read(lambda: read_track(data))


T = TypeVar("T")


def refused_or_read(read: Callable[[], T]) -> T | None:
    """Give what was read; nothing but BAD_PACKAGE may be raised."""
    try:
        return read()
    except MediaError as error:
        reason = error.reason
    assert reason is Reason.BAD_PACKAGE
    return None


@pytest.fixture(scope="session")
def small_file(media_files: Path) -> bytes:
    """A few fragments, as bytes to be damaged."""
    from tests.media.sources import X264, picture, run

    path = media_files / "small-fragmented.mp4"
    flags = "frag_keyframe+empty_moov+default_base_moof"
    run(*picture((32, 32), seconds=1), *X264, "-g", "10", "-movflags", flags, path)
    return path.read_bytes()


@settings(deadline=None)
@given(data=st.data())
def test_no_damage_crashes_the_index(
    data: st.DataObject, small_file: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    damaged = bytearray(small_file)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    path = tmp_path_factory.getbasetemp() / "damaged.mp4"
    path.write_bytes(bytes(damaged[:cut]))
    for growing in (False, True):
        read = partial(package.index, path, segment_seconds=SECOND, growing=growing)
        rendition = refused_or_read(read)
        assert rendition is None or rendition.size <= cut


@settings(deadline=None)
@given(data=st.data())
def test_no_damage_crashes_the_fragment_reader(data: st.DataObject, small_file: bytes) -> None:
    start = small_file.index(b"moof") - 4
    size = int.from_bytes(small_file[start : start + 4], "big")
    moov = small_file.index(b"moov") - 4
    track = read_track(small_file[moov:start])
    damaged = bytearray(small_file[start : start + size])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, size - 1))] = data.draw(st.integers(0, 255))
    fragment = refused_or_read(lambda: read_fragment(bytes(damaged), track))
    assert fragment is None or fragment.samples >= 1
