"""What can go wrong with a media file, in words a person understands."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a media operation failed; the values are stable and may be stored."""

    # the file's fault: trying again gives the same answer
    EMPTY = "empty"
    NOT_MEDIA = "not_media"
    PLAYLIST = "playlist"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    NO_STREAMS = "no_streams"
    UNSUPPORTED_CODEC = "unsupported_codec"
    ENCRYPTED = "encrypted"
    TOO_LARGE_PICTURE = "too_large_picture"
    TOO_LONG = "too_long"
    TOO_MANY_STREAMS = "too_many_streams"
    TOO_EXPENSIVE = "too_expensive"
    NOT_A_PICTURE = "not_a_picture"
    # the machine's fault: worth another attempt, here or elsewhere
    NO_FFMPEG = "no_ffmpeg"
    DISK_FULL = "disk_full"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    ENCODER_FAILED = "encoder_failed"
    CHUNK_MISMATCH = "chunk_mismatch"
    BAD_PACKAGE = "bad_package"


MACHINE_REASONS: Final = frozenset(
    {
        Reason.NO_FFMPEG,
        Reason.DISK_FULL,
        Reason.OUT_OF_MEMORY,
        Reason.TIMEOUT,
        Reason.ENCODER_FAILED,
        Reason.CHUNK_MISMATCH,
        Reason.BAD_PACKAGE,
    }
)


class MediaError(Exception):
    """A media operation failed.

    `message` is for the person who uploaded the file; `detail` (the tail of what a program said) is
    for the log only and may be empty.
    """

    def __init__(self, reason: Reason, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.detail = detail

    @property
    def code(self) -> str:
        """The stable name of the reason, e.g. `truncated`."""
        return self.reason.value

    @property
    def is_files_fault(self) -> bool:
        """True when another attempt on the same file cannot succeed."""
        return self.reason not in MACHINE_REASONS

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" [{self.detail}]" if self.detail else "")
