"""Which containers may be opened, and which of them can be cut at a time.

Everything else is refused before a byte of it is followed: playlists, image sequences, subtitles
and scripts may reach for other files or the network.
"""

from typing import Final

SEEKABLE: Final = ("mov", "matroska")
"""Have an index and one clock: seeking to a time is exact."""

VIDEO: Final = (
    *SEEKABLE,
    "avi",
    "mpegts",
    "mpeg",
    "flv",
    "live_flv",
    "asf",
    "ogg",
    "rm",
    "mxf",
    "gxf",
    "nut",
    "dv",
    "wtv",
    "ivf",
    "obu",
    "h264",
    "hevc",
    "m4v",
    "mpegvideo",
    "h263",
    "vc1",
    "dirac",
    "gif",
    "apng",
    "yuv4mpegpipe",
    "mjpeg",
)

AUDIO: Final = (
    "mp3",
    "flac",
    "wav",
    "w64",
    "aac",
    "ac3",
    "eac3",
    "dts",
    "dtshd",
    "truehd",
    "aiff",
    "caf",
    "amr",
    "ape",
    "wv",
    "tta",
    "tak",
    "au",
    "dsf",
    "mpc",
    "mpc8",
)

ALLOWED: Final = frozenset(VIDEO + AUDIO)
WHITELIST: Final = ",".join(VIDEO + AUDIO)
"""For ffmpeg's `format_whitelist`."""

UNSEEKED: Final = frozenset({"gif", "apng"})
"""Short loops that no other container takes without a conversion: read from their start instead."""


def demuxer(name: str) -> str:
    """Give the first name of a demuxer, as ffmpeg's `-f` takes it: `mov` for `mov,mp4,m4a,…`."""
    return name.partition(",")[0]
