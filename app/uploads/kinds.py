"""Which files may be uploaded, by their name and by the type that the client says they have.

Only a first look that spares people a useless upload: what a file really is, its probe tells.
"""

from pathlib import PurePath
from typing import Final

from app.core.errors import AppError

VIDEO: Final = frozenset(
    {
        "3g2",
        "3gp",
        "3gpp",
        "asf",
        "avi",
        "divx",
        "dv",
        "f4v",
        "flv",
        "gif",
        "m2ts",
        "m2v",
        "m4v",
        "mkv",
    }
    | {"mov", "mp4", "mpe", "mpeg", "mpg", "mts", "mxf", "nut", "ogm", "ogv", "qt", "rm", "rmvb"}
    | {"ts", "vob", "webm", "wmv", "y4m"}
)
AUDIO: Final = frozenset(
    {"aac", "ac3", "aif", "aiff", "amr", "ape", "caf", "eac3", "flac", "m4a", "m4b", "mka", "mp2"}
    | {"mp3", "mpga", "oga", "ogg", "opus", "wav", "weba", "wma", "wv"}
)

#: Types that name no extension of their own: for files whose name has none.
_EXTENSION_OF_TYPE: Final = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/ogg": "ogv",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/matroska": "mkv",
    "video/x-msvideo": "avi",
    "video/avi": "avi",
    "video/x-flv": "flv",
    "video/x-ms-wmv": "wmv",
    "video/mpeg": "mpg",
    "video/mp2t": "ts",
    "video/3gpp": "3gp",
    "video/3gpp2": "3g2",
    "application/mxf": "mxf",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/aac": "aac",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/webm": "weba",
}

#: Types that browsers and clients give to media they do not know better.
_VAGUE: Final = frozenset(
    {
        "",
        "application/octet-stream",
        "binary/octet-stream",
        "application/mp4",
        "application/mxf",
        "application/ogg",
        "application/x-matroska",
        "application/vnd.rn-realmedia",
        "image/gif",
    }
)


class UnsupportedKindError(AppError):
    """A file that is neither video nor sound."""

    status = 415


def extension_of(filename: str, content_type: str) -> str:
    """The lower-case extension under which an uploaded file is stored, without a dot.

    Raises UnsupportedKindError when the name or the type is none of a video or a sound.
    """
    kind = content_type.partition(";")[0].strip().lower()
    extension = PurePath(filename).suffix.lower().removeprefix(".")
    if kind not in _VAGUE and not kind.startswith(("video/", "audio/")):
        raise UnsupportedKindError(
            f"Files of the type {kind} cannot become videos: upload a video or a sound file.",
            code="unsupported_media_type",
        )
    if extension in VIDEO or extension in AUDIO:
        return extension
    if not extension and kind in _EXTENSION_OF_TYPE:
        return _EXTENSION_OF_TYPE[kind]
    shown = f"Files with the ending .{extension}" if extension else "Files without a known ending"
    raise UnsupportedKindError(
        f"{shown} cannot become videos: upload a video or a sound file.",
        code="unsupported_media_type",
    )
