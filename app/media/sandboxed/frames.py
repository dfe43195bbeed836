"""Single frames of a video as upright pictures."""

from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Final, Self, cast

import av
import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream as AvVideoStream
from PIL import Image, ImageFilter

from app.media import tonemap
from app.media.errors import MediaError, Reason
from app.media.probe import Probe, VideoStream, assumed_matrix
from app.media.sandboxed.opening import open_media

LOOKED_AT: Final = 200
"""Packets read for one frame: more than any stream keeps back."""
TABLE_SIZE: Final = 17


class Film:
    """An opened video of which single key frames are taken."""

    def __init__(self, path: Path, probe: Probe) -> None:
        if probe.video is None:
            raise MediaError(Reason.NO_STREAMS, "There is no moving picture in this file.")
        self.path = path
        self.container = probe.container
        self.video: VideoStream = probe.video
        self.media: InputContainer = open_media(path, probe.container)
        self.stream = cast("AvVideoStream", self.media.streams[probe.video.index])
        self.stream.codec_context.thread_count = 1
        self.table = _sdr_table(probe.video.colour.transfer) if probe.video.colour.is_hdr else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.media.close()

    def key_frame(self, seconds: float | Fraction) -> VideoFrame | None:
        """The key frame shown at or before a moment of the container's clock, if any."""
        unit = self.stream.time_base or Fraction(1, 1000)
        self.stream.codec_context.skip_frame = "NONKEY"
        try:
            self.media.seek(int(seconds / unit), stream=self.stream, backward=True)
            return self._next_frame()
        except av.error.FFmpegError:
            return None

    def first_frame(self) -> VideoFrame | None:
        """The first frame that can be read."""
        with open_media(self.path, self.container) as media:
            stream = cast("AvVideoStream", media.streams[self.video.index])
            try:
                return next(iter(media.decode(stream)), None)
            except av.error.FFmpegError:
                return None

    def _untagged_matrix(self) -> Colorspace | None:
        """What an untagged picture is: without a word, all would be BT.601."""
        if self.video.colour.matrix != "unknown":
            return None
        matrix = assumed_matrix(self.video.width, self.video.height)
        return Colorspace.ITU709 if matrix == "bt709" else Colorspace.ITU601

    def _next_frame(self) -> VideoFrame | None:
        for packet in islice(self.media.demux(self.stream), LOOKED_AT):
            try:
                for frame in packet.decode():
                    return frame
            except av.error.InvalidDataError:
                continue
        return None

    def picture(self, frame: VideoFrame, box: tuple[int, int]) -> Image.Image:
        """The frame upright, in square pixels and SDR, as large as fits in (and fills one side of)
        `box`.
        """
        shown = fitted(self.video.display_size, box)
        width, height = shown[::-1] if self.video.rotation in (90, 270) else shown
        small = frame.reformat(
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=self._untagged_matrix(),
            interpolation="AREA",
        )
        image = to_image(small)
        if self.table is not None:
            image = image.filter(self.table)
        turns = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180}
        turns[270] = Image.Transpose.ROTATE_90
        if self.video.rotation:
            image = image.transpose(turns[self.video.rotation])
        if self.video.is_mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return image


def to_image(frame: VideoFrame) -> Image.Image:
    """An RGB frame as Pillow's picture."""
    plane = frame.planes[0]
    size = (frame.width, frame.height)
    return Image.frombuffer("RGB", size, bytes(plane), "raw", "RGB", plane.line_size, 1)


def fitted(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same shape within `box`."""
    scale = min(box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _sdr_table(transfer: str) -> ImageFilter.Color3DLUT:
    values = [channel for colour in tonemap.table(transfer, TABLE_SIZE) for channel in colour]
    return ImageFilter.Color3DLUT(TABLE_SIZE, values)


def cover_art(path: Path, probe: Probe) -> Image.Image | None:
    """The picture inside a sound file."""
    for attached in probe.pictures:
        with open_media(path, probe.container) as media:
            stream = cast("AvVideoStream", media.streams[attached.index])
            try:
                for frame in media.decode(stream):
                    return to_image(frame.reformat(format="rgb24"))
            except av.error.FFmpegError:
                continue
    return None
