"""Finds ffmpeg and runs it: bounded, watched, unable to open anything but the file it is given."""

import asyncio
import errno
import os
import re
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.media import formats, process
from app.media.errors import MediaError, Reason
from app.media.limits import ENCODE_LIMITS, Limits
from app.media.sandbox import how_it_ended

OLDEST: Final = 5
OnProgress = Callable[[float], None]
"""Called with the part that is done, 0 to 1; never after the call has returned."""


@dataclass(frozen=True, slots=True)
class Program:
    """A found ffmpeg."""

    path: str
    version: str


_found: list[Program] = []


async def find() -> Program:
    """Give the machine's ffmpeg when it is at least version 5, else the one of the pinned wheel.

    Raises MediaError NO_FFMPEG.
    """
    if not _found:
        _found.append(await _look())
    return _found[0]


async def _look() -> Program:
    seen = ""
    for candidate in (shutil.which("ffmpeg"), _bundled()):
        if candidate is None:
            continue
        version = await _version(candidate)
        if version is not None and _is_new_enough(version):
            return Program(candidate, version)
        seen = seen or f"{candidate} is version {version or 'unknown'}"
    raise MediaError(
        Reason.NO_FFMPEG,
        f"There is no ffmpeg of version {OLDEST} or newer on this machine.",
        seen or "none in PATH, and the wheel imageio-ffmpeg is not installed",
    )


def _bundled() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


async def _version(path: str) -> str | None:
    try:
        child = await asyncio.create_subprocess_exec(
            path, "-version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError:
        return None
    output, _ = await child.communicate()
    match = re.match(rb"ffmpeg version (\S+)", output)
    return match.group(1).decode() if match else None


def _is_new_enough(version: str) -> bool:
    number = re.match(r"n?(\d+)\.", version)
    return number is None or int(number.group(1)) >= OLDEST  # nightly builds carry no number


def source(path: Path, container: str, *options: str) -> list[str]:
    """The arguments of one input: only this file, only as this container, nothing it points to."""
    if container not in formats.ALLOWED:
        raise MediaError(
            Reason.NOT_MEDIA, "This file is not a video we can read.", f"demuxer {container}"
        )
    return [
        *("-protocol_whitelist", "file", "-format_whitelist", container),
        *("-f", container, *options, "-i", f"file:{path.absolute()}"),
    ]


def still_source(path: Path, *options: str) -> list[str]:
    """The arguments of an endless input of one picture of our own making."""
    return [
        *("-protocol_whitelist", "file", "-format_whitelist", "image2"),
        *("-f", "image2", "-pattern_type", "none", "-loop", "1"),
        *(*options, "-i", f"file:{path.absolute()}"),
    ]


def pattern_source(graph: str) -> list[str]:
    """The arguments of an input that ffmpeg draws itself, from a filter graph of our own."""
    return ["-format_whitelist", "lavfi", "-f", "lavfi", "-i", graph]


def target(path: Path) -> str:
    """The argument that names an output file, whatever characters it holds."""
    return f"file:{path.absolute()}"


async def run(
    arguments: Sequence[str],
    *,
    duration: float | None = None,
    frames: int | None = None,
    on_progress: OnProgress | None = None,
    limits: Limits = ENCODE_LIMITS,
    nice: int = 10,
    folder: Path | None = None,
) -> None:
    """Run ffmpeg with inputs made by `source` and wait for it.

    `on_progress` counts against `frames` of the first output, where they are known (encoders hold
    back seconds of it), else against its `duration` in seconds. Cancelling kills it. Raises
    MediaError; output files of a failed run are the caller's to remove.
    """
    program = await find()
    _refuse_open_inputs(arguments)
    command = [
        *(program.path, "-nostdin", "-hide_banner", "-y", "-loglevel", "error", "-nostats"),
        *("-progress", "pipe:1", *arguments),
    ]
    reports = _Reports(duration, frames, on_progress)
    child = await process.run(
        command, limits=limits, nice=nice, on_output=reports.take, folder=folder
    )
    if child.status != 0:
        raise explain(child)


def _refuse_open_inputs(arguments: Sequence[str]) -> None:
    inputs = sum(argument == "-i" for argument in arguments)
    if inputs != sum(argument == "-format_whitelist" for argument in arguments):
        raise ValueError("every input of ffmpeg must be made by ffmpeg.source()")


class _Reports:
    """Reads what `-progress` writes."""

    def __init__(
        self, duration: float | None, frames: int | None, on_progress: OnProgress | None
    ) -> None:
        self.on_progress = on_progress
        self.name = b"frame" if frames else b"out_time_us"
        self.whole = frames or (duration or 0) * 1e6
        self.rest = b""

    def take(self, data: bytes) -> None:
        if self.on_progress is None or not self.whole:
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            name, _, value = line.partition(b"=")
            if name == self.name and value.strip().isdigit():
                self.on_progress(min(1.0, int(value) / self.whole))


EXPLANATIONS: Final[tuple[tuple[str, Reason, str], ...]] = (
    (
        r"No space left on device|Disk quota exceeded",
        Reason.DISK_FULL,
        "The server's disk is full.",
    ),
    (r"Cannot allocate memory", Reason.OUT_OF_MEMORY, "The server ran out of memory."),
    (r"File too large", Reason.TOO_EXPENSIVE, "The result would be larger than we allow."),
    (
        r"Decoder \(codec .*\) not found|no decoder found|Decoder .* not found",
        Reason.UNSUPPORTED_CODEC,
        "This file uses a codec that we cannot read.",
    ),
    (
        r"Unknown encoder|Error initializing output stream|Error while opening encoder|Cannot load",
        Reason.ENCODER_FAILED,
        "The encoder could not be started on this machine.",
    ),
    (
        r"not on whitelist",
        Reason.PLAYLIST,
        "This file points to other files; please upload the video itself.",
    ),
    (
        r"Invalid data found|moov atom not found|Error opening input|does not contain any stream",
        Reason.DAMAGED,
        "This file is damaged: it could not be read.",
    ),
)


def explain(child: process.Finished) -> MediaError:
    """Turn how ffmpeg ended into an error with a sentence for the person."""
    if child.status < 0:
        if -child.status == signal.SIGXFSZ:
            return MediaError(
                Reason.TOO_EXPENSIVE, "The result would be larger than we allow.", child.stderr
            )
        return how_it_ended(child)
    if 256 - child.status == errno.ENOSPC or os.strerror(errno.ENOSPC) in child.stderr:
        return MediaError(Reason.DISK_FULL, "The server's disk is full.", child.stderr)
    for pattern, reason, message in EXPLANATIONS:
        if re.search(pattern, child.stderr):
            return MediaError(reason, message, child.stderr)
    return MediaError(
        Reason.DAMAGED, "This file is damaged: converting it failed.", child.stderr or "no message"
    )
