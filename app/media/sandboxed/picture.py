"""Describes a video stream by decoding its first frames; the child's half of `app.media.probe`."""

import struct
from fractions import Fraction
from itertools import islice
from typing import Final, cast

import av.error
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream as AvVideoStream

from app.media.errors import MediaError, Reason
from app.media.probe import Colour, VideoStream
from app.media.sandboxed.opening import refuse_encrypted
from app.media.sandboxed.timing import Timing

LARGEST_SIDE: Final = 16384
MOST_PIXELS: Final = 72_000_000
"""Twice 8K: a frame of more would take a gigabyte while it is converted."""
LOOKED_AT: Final = 10
"""Frames that are decoded to see whether the picture is interlaced."""
TRIED_PACKETS: Final = 600

# The numbers of ISO/IEC 23091-2, by the names that ffmpeg's filters take.
PRIMARIES: Final = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
    10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "jedec-p22",
}  # fmt: skip
TRANSFERS: Final = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100",
    10: "log316", 11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10",
    15: "bt2020-12", 16: "smpte2084", 17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip
MATRICES: Final = {
    0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco",
    9: "bt2020nc", 10: "bt2020c", 11: "smpte2085", 14: "ictcp",
}  # fmt: skip
FULL_RANGE: Final = 2


def describe_video(media: InputContainer, stream: AvVideoStream, timing: Timing) -> VideoStream:
    """Say what the stream of a freshly opened file looks like.

    Raises MediaError TOO_LARGE_PICTURE, DAMAGED, UNSUPPORTED_CODEC.
    """
    _refuse_absurd(stream.width, stream.height)
    frames = first_frames(media, stream)
    frame = frames[0]
    _refuse_absurd(frame.width, frame.height)
    rotation, is_mirrored = orientation(frame)
    rate, is_vfr = timing.rate()
    rate = rate or stream.guessed_rate or Fraction(25)  # a single frame has no distance to another
    start = timing.start if frame.pts is None else frame.pts * (frame.time_base or timing.unit)
    end = max(timing.end, start + 1 / rate)
    average = timing.frames / (end - start)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return VideoStream(
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        profile=stream.profile or "",
        level=max(0, stream.codec_context.level or 0),
        pixel_format=frame.format.name,
        bit_depth=max(component.bits for component in frame.format.components),
        width=frame.width,
        height=frame.height,
        sample_aspect=aspect if Fraction(1, 20) <= aspect <= 20 else Fraction(1),
        rotation=rotation,
        is_mirrored=is_mirrored,
        frame_rate=_nominal(rate, stream, is_vfr=is_vfr),
        average_rate=average.limit_denominator(100_000),
        is_vfr=is_vfr,
        is_interlaced=any(one.interlaced_frame for one in frames),
        colour=_colour(frame),
        bitrate=timing.bitrate,
        frames=timing.frames,
        start=start,
        end=end,
        starts_with_key=timing.starts_with_key,
        has_hidden_frames=timing.has_hidden,
        keyframes=tuple(float(key) for key in timing.keyframes),
        longest_keyframe_gap=float(timing.longest_gap),
    )


def first_frames(media: InputContainer, stream: AvVideoStream) -> list[VideoFrame]:
    """Decode up to ten frames of a freshly opened file."""
    context = stream.codec_context
    context.thread_count = 1
    frames: list[VideoFrame] = []
    try:
        for packet in islice(media.demux(stream), TRIED_PACKETS):
            refuse_encrypted(packet)
            try:
                frames += packet.decode()
            except av.error.InvalidDataError:
                continue  # broken leading frames are usual in recordings
            if len(frames) >= LOOKED_AT:
                break
    except av.error.FFmpegError as error:
        if isinstance(error, av.error.DecoderNotFoundError):
            raise MediaError(
                Reason.UNSUPPORTED_CODEC, "This file uses a codec that we cannot read.", str(error)
            ) from error
    if not frames:
        raise MediaError(
            Reason.DAMAGED, "This file is damaged: no picture in it could be read.", context.name
        )
    return frames


def orientation(frame: VideoFrame) -> tuple[int, bool]:
    """Degrees clockwise to turn a decoded picture upright, and whether to flip it sideways after.

    The display matrix maps picture to screen: (a, b, c, d) is its linear part in 16.16, y
    downwards.
    """
    matrix = cast("SideData | None", frame.side_data.get("DISPLAYMATRIX"))
    if matrix is None:
        return 0, False
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    is_mirrored = a * d - b * c < 0
    if is_mirrored:  # undo the flip (x → -x on the screen) to see the turn alone
        a, c = -a, -c
    if abs(a) >= abs(b):
        return (0 if a >= 0 else 180), is_mirrored
    return (90 if b > 0 else 270), is_mirrored


def _refuse_absurd(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise MediaError(Reason.DAMAGED, "This file is damaged: its picture has no size.")
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise MediaError(
            Reason.TOO_LARGE_PICTURE,
            f"The picture is {width} by {height} pixels; we take up to 8K.",
        )


def _nominal(rate: Fraction, stream: AvVideoStream, *, is_vfr: bool) -> Fraction:
    """Prefer the rate that the container states when the measured one agrees."""
    for stated in (stream.guessed_rate, stream.average_rate, stream.base_rate):
        if stated and rate and abs(stated / rate - 1) < Fraction(1, 250) and not is_vfr:
            return stated
    return rate.limit_denominator(100_000)


def _colour(frame: VideoFrame) -> Colour:
    return Colour(
        primaries=PRIMARIES.get(int(frame.color_primaries), "unknown"),
        transfer=TRANSFERS.get(int(frame.color_trc), "unknown"),
        matrix=MATRICES.get(int(frame.colorspace), "unknown"),
        is_full_range=int(frame.color_range) == FULL_RANGE or frame.format.name.startswith("yuvj"),
    )
