"""What people may take along of a video: each height with its sound, and the sound alone."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.accounts.schemas import Columns

#: Letters that a file's name may not have on some system, and what only confuses in one.
_UNFIT = re.compile(r'[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]+')
#: Systems allow 255 bytes; a letter may take four, and the browser adds a number.
_LONGEST_NAME = 220


@dataclass(frozen=True, slots=True)
class Download:
    """One of the files on offer: `resolution` is 0 for sound alone, `size` in bytes."""

    resolution: int
    language: str | None
    size: int
    path: str


def renditions(row: Columns) -> list[dict[str, Any]]:
    """The rows of a video's renditions, the highest first, sound last."""
    found: list[dict[str, Any]] = msgspec.json.decode(row["renditions"])
    return found


def downloads(row: Columns) -> list[Download]:
    """The files on offer, the highest first, the sound last; none before a video is whole."""
    found = renditions(row)
    sounds = [each for each in found if not each["resolution"]]
    return [
        Download(
            resolution=each["resolution"],
            language=each["language"],
            size=sum(part["size"] for part in parts),
            path=film_path(row["uuid"], parts) if len(parts) > 1 else file_path(each["filename"]),
        )
        for each in found
        # a video's first sound is its main one
        if (parts := [each, *sounds[:1]] if each["resolution"] else [each])
    ]


def file_path(filename: str) -> str:
    """PeerTube's address of one stored file."""
    return f"/download/streaming-playlists/hls/videos/{filename}"


def film_path(uuid: UUID, parts: Sequence[Mapping[str, Any]]) -> str:
    """PeerTube's address of a film of several stored files."""
    ids = urlencode([("videoFileIds", each["id"]) for each in parts])
    return f"/download/videos/generate/{uuid}?{ids}"


def saved_name(title: str, resolution: int) -> str:
    """What a file is called on a person's disk: `The harbour - 720p.mp4`, sound `The harbour.m4a`.

    Its letters are the title's, without those that a file's name may not have.
    """
    ending = f" - {resolution}p.mp4" if resolution else ".m4a"
    words = " ".join(_UNFIT.sub(" ", title).split()).strip(". ")
    short = words.encode()[: _LONGEST_NAME - len(ending)].decode(errors="ignore").rstrip()
    return f"{short or 'video'}{ending}"
