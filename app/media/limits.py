"""How much a child process may use before it is ended."""

from dataclasses import dataclass
from typing import Final

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one child process; None leaves one open."""

    cpu_seconds: int | None = None
    """Processor time of all its threads; the kernel ends it above."""
    memory: int | None = None
    """Bytes of address space; allocations above fail."""
    file_size: int | None = None
    """Bytes of the largest file it may write."""
    wall_seconds: float | None = None
    """Time on the clock, whatever it does."""
    stall_seconds: float | None = None
    """Time without any progress report (ffmpeg only): a hung disk or a stuck decoder."""


PROBE_LIMITS: Final = Limits(
    cpu_seconds=60, memory=2 * GIB, file_size=0, wall_seconds=180
)  # a 10 GB Matroska file needs about 10 s of CPU; everything usual under 1 s
PICTURE_LIMITS: Final = Limits(
    cpu_seconds=120, memory=3 * GIB, file_size=64 * MIB, wall_seconds=300
)  # two 8K frames in RGB and in the decoder stay below 1 GiB
COPY_LIMITS: Final = Limits(
    cpu_seconds=3600, memory=2 * GIB, file_size=256 * GIB, stall_seconds=300
)  # stream copies run at the speed of the disk
ENCODE_LIMITS: Final = Limits(
    cpu_seconds=24 * 3600, memory=16 * GIB, file_size=256 * GIB, stall_seconds=600
)  # a 1080p ladder takes 1.2 GiB resident, a 2160p one about 4; addresses are several times that
