"""The way PeerTube 8 goes: one ffmpeg for each rendition, one after the other.

The film's own height comes first (a copy where the source is web-safe, else encoded), and every
lower one decodes that file again. Its x264 arguments, its caps and its order of heights are facts
of its behaviour; `threads` is 1 in its default configuration.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

#: bits per pixel and frame, by height
BITS = {1080: 0.10, 720: 0.11, 480: 0.12, 360: 0.15, 240: 0.17, 144: 0.19}
ORDER = (480, 360, 720, 240, 144)
TOP = 1080
HLS = (
    *("-hls_time", "4", "-hls_list_size", "0", "-hls_playlist_type", "vod"),
    *("-hls_segment_type", "fmp4", "-hls_flags", "single_file", "-f", "hls"),
)
AUDIO = ("-c:a", "aac", "-b:a", "128k", "-ac", "2")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one way of transcoding took and gave."""

    first_playable: float
    whole_ladder: float
    cpu: float
    stored: int
    #: the media file of each height
    renditions: dict[int, Path]


def transcode(source: Path, folder: Path, *, is_web_safe: bool, threads: int) -> Outcome:
    """Make all renditions; seconds from the start."""
    folder.mkdir()
    began, cpu = time.monotonic(), 0.0
    top = folder / f"{TOP}.mp4"
    video = ("-c:v", "copy") if is_web_safe else _x264(TOP, threads)
    audio = ("-c:a", "copy") if is_web_safe else AUDIO
    optimised = folder / "web-video.mp4"
    cpu += _run("-i", source, *video, *audio, "-movflags", "+faststart", optimised)
    cpu += _hls("-i", optimised, "-c", "copy", to=top)
    first = time.monotonic() - began
    optimised.unlink()
    for height in ORDER:
        options = ("-vf", f"scale=w=-2:h={height}", *_x264(height, threads), *AUDIO)
        cpu += _hls("-i", top, *options, to=folder / f"{height}.mp4")
    return Outcome(
        first_playable=first,
        whole_ladder=time.monotonic() - began,
        cpu=cpu,
        stored=sum(path.stat().st_size for path in folder.iterdir()),
        renditions={height: folder / f"{height}.mp4" for height in (TOP, *ORDER)},
    )


def _x264(height: int, threads: int) -> tuple[str, ...]:
    width = round(height * 16 / 9 / 2) * 2
    cap = round(width * height * 30 * BITS[height])
    return (
        *("-c:v", "libx264", "-preset", "veryfast", "-b_strategy", "1", "-bf", "16"),
        *("-maxrate", str(cap), "-bufsize", str(2 * cap), "-r", "30", "-g", "60"),
        *("-pix_fmt", "yuv420p", "-map_metadata", "-1", "-max_muxing_queue_size", "1024"),
        *("-threads", str(threads)),
    )


def _hls(*arguments: str | Path, to: Path) -> float:
    playlist = to.with_suffix(".m3u8")
    return _run(*arguments, *HLS, "-hls_segment_filename", to, playlist)


def _run(*arguments: str | Path) -> float:
    """Run ffmpeg; gives its CPU seconds."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"ffmpeg failed: {command}")
    return usage.ru_utime + usage.ru_stime
