"""Fragmented MP4 files as renditions: indexed, joined and cut without a re-mux, hashed in one read.

All functions read and write whole files: call them in a thread (`asyncio.to_thread`). They hold one
megabyte at a time, whatever the size of the files.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from app.media.fragments import moved
from app.media.pieces import PieceReader
from app.media.renditions import KeyFrame, Rendition, Segment, segment_hashes
from app.media.segmenting import Segmenter, blocks, mismatch
from app.media.tracks import Track

__all__ = [
    "KeyFrame",
    "Rendition",
    "Segment",
    "cut",
    "index",
    "join",
    "place",
    "segment_hashes",
]


def index(path: Path, *, segment_seconds: Fraction, growing: bool = False) -> Rendition:
    """Index one file.

    `growing` accepts a file that is still being written: what is complete by then is indexed, and
    of that only the segments that no further fragment can lengthen.

    Raises MediaError BAD_PACKAGE, also while the beginning of a growing file is not yet there.
    """
    with PieceReader(path, growing=growing) as reader:
        builder = Segmenter(reader.beginning, segment_seconds)
        for piece in reader.pieces():
            builder.begin(piece.fragment, piece.offset)
            builder.hash_file(reader.file, piece.offset, piece.size)
            builder.end(piece.offset + piece.size)
        return builder.finish(drop_last=growing)


def join(parts: Sequence[Path], output: Path, *, segment_seconds: Fraction) -> Rendition:
    """Write the chunks of one rung, in order, as one file, and index it in the same pass.

    Raises MediaError CHUNK_MISMATCH when the chunks were not encoded alike or leave a gap.
    """
    if not parts:
        raise ValueError("nothing to join")
    try:
        with output.open("wb") as out:
            return _join(parts, out, segment_seconds)
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _join(parts: Sequence[Path], out: BinaryIO, segment_seconds: Fraction) -> Rendition:
    builder: Segmenter | None = None
    offset, sequence = 0, 0
    for number, path in enumerate(parts):
        with PieceReader(path) as reader:
            if builder is None:
                builder = Segmenter(reader.beginning, segment_seconds)
                offset = out.write(reader.beginning.data)
            elif not _are_alike(reader.beginning.track, builder.track):
                raise mismatch(f"chunk {number} has another description than chunk 0")
            for piece in reader.pieces():
                builder.refuse_gap(piece.fragment, number)
                sequence += 1
                moof = moved(
                    piece.moof, piece.fragment, start=piece.fragment.start, sequence=sequence
                )
                builder.begin(piece.fragment, offset)
                builder.hash_bytes(moof)
                offset += out.write(moof)
                for data in blocks(reader.file, piece.data_offset, piece.data_size):
                    builder.hash_bytes(data)
                    offset += out.write(data)
                builder.end(offset)
    if builder is None:
        raise ValueError("nothing to join")
    return builder.finish()


def cut(path: Path, output: Path, *, first: int, end: int, segment_seconds: Fraction) -> Rendition:
    """Write segments [first, end) of a (growing) file as a playable file of its own, times kept."""
    whole = index(path, segment_seconds=segment_seconds, growing=True)
    wanted = whole.segments[first:end]
    if not wanted or len(wanted) != end - first:
        raise ValueError(f"there are {len(whole.segments)} segments, not {end}")
    try:
        with path.open("rb") as file, output.open("wb") as out:
            for data in blocks(file, 0, whole.init_size):
                out.write(data)
            length = wanted[-1].offset + wanted[-1].size - wanted[0].offset
            for data in blocks(file, wanted[0].offset, length):
                out.write(data)
        return index(output, segment_seconds=segment_seconds)
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def place(path: Path, *, start: int, sequence: int) -> None:
    """Shift a whole file by `start` ticks on the time line and count its fragments from `sequence`.

    In place: only a few bytes of each fragment change.
    """
    with PieceReader(path) as reader, path.open("r+b") as file:
        for number, piece in enumerate(reader.pieces()):
            changed = moved(
                piece.moof,
                piece.fragment,
                start=piece.fragment.start + start,
                sequence=sequence + number,
            )
            file.seek(piece.offset)
            file.write(changed)


def _are_alike(one: Track, other: Track) -> bool:
    return (one.kind, one.timescale, one.description, one.width, one.height) == (
        other.kind,
        other.timescale,
        other.description,
        other.width,
        other.height,
    )
