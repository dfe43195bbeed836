"""How much a rendition looks like its source: VMAF where an ffmpeg here has it, else SSIM."""

import re
import subprocess
from functools import cache
from pathlib import Path

#: VMAF of every so manieth frame.
EVERY = 10
TAGS = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"


@cache
def measure() -> str:
    """`VMAF` or `SSIM`."""
    filters = subprocess.run([_ffmpeg(), "-filters"], capture_output=True, text=True, check=True)
    return "VMAF" if " libvmaf " in filters.stdout else "SSIM"


@cache
def _ffmpeg() -> str:
    """The static ffmpeg where it is installed (it has libvmaf), else the machine's."""
    try:
        import imageio_ffmpeg
    except ImportError:
        return "ffmpeg"
    found: str = imageio_ffmpeg.get_ffmpeg_exe()
    return found


def of(rendition: Path, source: Path) -> float:
    """The mean over the film, at the source's size, frame by frame.

    The sequential way shows the first frame once more than the source does (its sound begins before
    its picture, and `-r` fills that): what is too many is left out at the start. One way tags its
    colours and the other does not; told that both are BT.709, ffmpeg compares them as they are.
    """
    extra = max(0, _frames(rendition) - _frames(source))
    scale = (
        f"[0:v]{TAGS},trim=start_frame={extra},setpts=N/30/TB,scale=1920:1080:flags=bicubic[a];"
        f"[1:v]{TAGS},setpts=N/30/TB[b];[a][b]"
    )
    how = f"libvmaf=n_threads=2:n_subsample={EVERY}" if measure() == "VMAF" else "ssim"
    run = subprocess.run(
        [
            *(_ffmpeg(), "-hide_banner", "-nostdin", "-i", str(rendition), "-i", str(source)),
            *("-filter_complex", scale + how, "-f", "null", "-"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"VMAF score: ([\d.]+)|SSIM .*All:([\d.]+)", run.stderr)
    if found is None:
        raise RuntimeError(run.stderr[-2000:])
    return float(found[1] or found[2])


def _frames(film: Path) -> int:
    """How many pictures a film has."""
    command = ("ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets")
    wanted = ("-show_entries", "stream=nb_read_packets", "-of", "csv=p=0")
    run = subprocess.run([*command, *wanted, str(film)], capture_output=True, text=True, check=True)
    return int(run.stdout.strip().rstrip(","))


def bit_rate(media: Path, seconds: float) -> float:
    """Megabits per second of the whole file."""
    return media.stat().st_size * 8 / seconds / 1e6
