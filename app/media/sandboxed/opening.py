"""Opens a stranger's file with PyAV: whitelisted, with a distinct error for each way to be bad."""

import re
import struct
from pathlib import Path
from typing import Final

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from app.media import formats
from app.media.errors import MediaError, Reason

MOST_STREAMS: Final = 64
PLAYLISTS: Final = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:#EXTM3U|ffconcat|file\s+['\"/]|<\?xml[^>]*>\s*(?:<!--.*?-->\s*)?<(?:MPD|Smooth)|<MPD"
    rb"|<SmoothStreaming|\[playlist\]|\[Reference\]|<asx|<smil|v=0\r?\n|RTSPtext|SMIL|https?://|rtsp://)",
    re.IGNORECASE | re.DOTALL,
)
ISO_BOXES: Final = frozenset(
    {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"pnot"}
)
EBML: Final = b"\x1a\x45\xdf\xa3"
MATROSKA_SEGMENT: Final = b"\x18\x53\x80\x67"


def open_media(path: Path, container: str | None = None) -> InputContainer:
    """Open `path` for reading, as nothing but a container on our list.

    Raises MediaError EMPTY, PLAYLIST, TRUNCATED, DAMAGED, NOT_MEDIA or TOO_MANY_STREAMS.
    """
    if path.stat().st_size == 0:
        raise MediaError(Reason.EMPTY, "This file is empty.")
    with path.open("rb") as file:
        head = file.read(4096)
    if PLAYLISTS.match(head):
        raise MediaError(
            Reason.PLAYLIST,
            "This is a playlist that points to other files; please upload the video itself.",
        )
    try:
        media = av.open(
            f"file:{path.absolute()}",
            "r",
            format=container,
            metadata_errors="replace",
            options={
                "format_whitelist": formats.WHITELIST,
                "protocol_whitelist": "file",
                "probesize": "20000000",
                "analyzeduration": "10000000",
            },
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise _why_unreadable(path, head, error) from error
    if len(media.streams) > MOST_STREAMS:
        raise MediaError(
            Reason.TOO_MANY_STREAMS,
            f"This file has {len(media.streams)} streams; we read files with up to {MOST_STREAMS}.",
        )
    return media


def refuse_encrypted(packet: "Packet[Stream] | Packet[VideoStream]") -> None:
    """Raise MediaError ENCRYPTED for a packet under common encryption."""
    if packet.has_sidedata("encryption_info"):
        raise MediaError(Reason.ENCRYPTED, "This file is encrypted (DRM), so we cannot read it.")


def _why_unreadable(path: Path, head: bytes, error: Exception) -> MediaError:
    if isinstance(error, av.error.MemoryError):
        return MediaError(
            Reason.TOO_EXPENSIVE, "This file needs more memory to read than we allow.", str(error)
        )
    if is_cut_off(path):
        return MediaError(
            Reason.TRUNCATED, "This file is incomplete: its end is missing.", str(error)
        )
    if head[4:8] in ISO_BOXES or head.startswith((EBML, b"RIFF", b"OggS", b"FLV", b"fLaC")):
        return MediaError(Reason.DAMAGED, "This file is damaged: it could not be read.", str(error))
    return MediaError(Reason.NOT_MEDIA, "This file is not a video we can read.", str(error))


def is_cut_off(path: Path) -> bool:
    """True when the container itself says that the file ought to be longer."""
    with path.open("rb") as file:
        head = file.read(64)
        if head[4:8] in ISO_BOXES:
            return _iso_is_cut_off(path)
        if head.startswith(EBML):
            return _matroska_is_cut_off(path)
        if head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"WAVE"):
            declared = int.from_bytes(head[4:8], "little")
            return 0 < declared < 0xFFFFFFFF and declared + 8 > path.stat().st_size + 1
    return False


def _iso_is_cut_off(path: Path) -> bool:
    size, offset, seen = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        while offset + 8 <= size:
            file.seek(offset)
            head = file.read(16)
            length, kind = struct.unpack(">I4s", head[:8])
            if length == 1 and len(head) == 16:
                length = struct.unpack(">Q", head[8:])[0]
            if length == 0:
                length = size - offset
            if length < 8:
                break  # not boxes any more: trailing rubbish is harmless
            seen.add(kind)
            if offset + length > size and kind in ISO_BOXES:
                return True
            offset += length
    return b"ftyp" in seen and b"moov" not in seen


def _matroska_is_cut_off(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096)
    at = head.find(MATROSKA_SEGMENT)
    if at < 0 or at + 5 > len(head):
        return True
    length = 9 - head[at + 4].bit_length()
    if not 1 <= length <= 8:
        return False
    value = int.from_bytes(head[at + 4 : at + 4 + length], "big") & ((1 << 7 * length) - 1)
    is_unknown = value == (1 << 7 * length) - 1  # live recordings
    return not is_unknown and at + 4 + length + value > path.stat().st_size
