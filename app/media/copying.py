"""Whether a source's own streams can be shown as they are."""

from fractions import Fraction
from typing import Final

from app.media import rungs, timeline
from app.media.encoders import PROFILES
from app.media.plan import LadderSettings
from app.media.probe import AudioStream, Probe, VideoStream

H264_PROFILES: Final = frozenset({"Constrained Baseline", "Baseline", "Main", "High"})
PIXELS: Final = frozenset({"yuv420p", "yuvj420p"})
HIGHEST_LEVEL: Final = 52
LONGEST_GAP: Final = 10.5
"""Seconds between key frames: ten, and a little for files that say ten and mean 250 frames."""
ALWAYS_SMALL_ENOUGH: Final = 600_000
"""Bits per second below which the number of pixels does not matter."""
AAC_RATES: Final = frozenset({32000, 44100, 48000})
MOST_AAC_BITS: Final = 340_000
LATEST_SOUND: Final = Fraction(1, 20)
"""Seconds that a copied sound may begin after the picture."""


def why_not_copy_video(
    probe: Probe, video: VideoStream, settings: LadderSettings, fps: Fraction
) -> str:
    """Give the first reason why the picture must be encoded, or an empty string."""
    width, height = video.display_size
    short = min(width, height)
    most = rungs.bits_per_pixel(short)[1] * width * height * float(video.average_rate)
    sound_end = max((sound.end for sound in probe.audio), default=video.end)
    checks: tuple[tuple[bool, str], ...] = (
        (not settings.may_copy, "copying is switched off"),
        (
            "264" not in PROFILES[settings.encoder].codec,
            "another codec is wanted",
        ),
        (video.codec != "h264", f"its codec is {video.codec}"),
        (video.profile not in H264_PROFILES, f"its profile is {video.profile}"),
        (video.level > HIGHEST_LEVEL, f"its level is {video.level / 10}"),
        (video.pixel_format not in PIXELS, f"its pixel format is {video.pixel_format}"),
        (video.colour.is_hdr, "it is HDR"),
        (video.is_interlaced, "it is interlaced"),
        (video.rotation != 0 or video.is_mirrored, "it is turned"),
        (video.sample_aspect != 1, "its pixels are not square"),
        (bool(width % 2 or height % 2), "its size is odd"),
        (short > max(settings.resolutions), "it is larger than the largest rendition"),
        (max(width, height) > rungs.LONGEST_SIDE, "it is too wide"),
        (short < rungs.SHORTEST_SIDE, "it is too small"),
        (video.average_rate > settings.max_fps + Fraction(1, 2), "it has too many frames a second"),
        (fps < video.frame_rate * Fraction(99, 100), "it has too many frames a second"),
        (video.frame_rate < 1, "it has less than one frame a second"),
        (video.has_hidden_frames, "an edit list hides a part of it"),
        (not video.starts_with_key, "it does not start with a key frame"),
        (video.longest_keyframe_gap > LONGEST_GAP, "its key frames are too far apart"),
        (video.bitrate > max(most, ALWAYS_SMALL_ENOUGH), "its bit rate is too high"),
        (timeline.origin(probe, video, fps) != video.start, "the sound begins long before it"),
        (sound_end > video.end + timeline.TAIL_LEFT, "the sound is longer"),
    )
    return next((reason for applies, reason in checks if applies), "")


def may_copy_audio(probe: Probe, sound: AudioStream, start: Fraction, end: Fraction) -> bool:
    """True for AAC-LC in one or two channels that runs from `start` to `end` of the time line."""
    return (
        probe.container in ("mov", "matroska")
        and sound.codec == "aac"
        and sound.profile == "LC"
        and sound.channels in (1, 2)
        and sound.sample_rate in AAC_RATES
        and sound.bitrate <= MOST_AAC_BITS
        and sound.start <= start + LATEST_SOUND
        and end - Fraction(1, 2) <= sound.end <= end + timeline.TAIL_LEFT
    )
