"""Films to measure with: busy enough that encoders have work, made by ffmpeg, always the same."""

import subprocess
from pathlib import Path

SCENE_SECONDS = 5
SCENES = (
    (
        "mandelbrot=s=960x540:r=30:start_scale={a}:end_scale=0.02:end_pts=500:maxiter=300,"
        "scale=1920:1080:flags=bicubic,noise=alls=5:allf=t+u:all_seed={n}"
    ),
    "testsrc2=s=1920x1080:r=30,hue=h={n}*37:s=0.7,noise=alls=4:allf=t+u:all_seed={n}",
    (
        "life=s=240x136:mold=10:r=30:ratio=0.12:death_color=#C83232:life_color=#20c040"
        ":mold_color=#203080:seed={n},scale=1920:1080:flags=bicubic,gblur=sigma=3,"
        "noise=alls=6:allf=t+u:all_seed={n}"
    ),
    (
        "gradients=s=960x540:r=30:n=6:seed={n}:speed=0.03,scale=1920:1080,"
        "noise=alls=7:allf=t+u:all_seed={n}"
    ),
)
#: As cameras and editors write it; 8 Mb/s at most, so that players take it as it is.
WEB_SAFE = ("-preset", "veryfast", "-crf", "20", "-maxrate", "8M", "-bufsize", "16M", "-g", "120")
#: Too many bits for a player's connection: it must be encoded anew.
HEAVY = ("-preset", "veryfast", "-crf", "14", "-g", "250")


def make(folder: Path, seconds: int) -> tuple[Path, Path]:
    """A web-safe and a heavy 1080p H.264/AAC film of that length, with the same pictures."""
    scenes = []
    for number in range(-(-seconds // SCENE_SECONDS)):
        scene = folder / f"scene{number}.mkv"
        graph = SCENES[number % len(SCENES)].format(n=number + 1, a=3 / (1 + number * 0.3))
        _ffmpeg(
            *("-f", "lavfi", "-i", graph, "-t", str(SCENE_SECONDS)),
            *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "8", "-pix_fmt", "yuv420p"),
            str(scene),
        )
        scenes.append(scene)
    listing = folder / "scenes.txt"
    listing.write_text("".join(f"file '{scene}'\n" for scene in scenes))
    web_safe, heavy = folder / "web-safe.mp4", folder / "heavy.mp4"
    for target, options in ((web_safe, WEB_SAFE), (heavy, HEAVY)):
        _ffmpeg(
            *("-f", "concat", "-safe", "0", "-i", str(listing)),
            *("-f", "lavfi", "-i", "anoisesrc=c=pink:r=48000:a=0.05:seed=7"),
            *("-t", str(seconds), "-c:v", "libx264", *options, "-pix_fmt", "yuv420p"),
            *("-c:a", "aac", "-b:a", "192k", "-ac", "2", "-movflags", "+faststart"),
            str(target),
        )
    for scene in scenes:
        scene.unlink()
    return web_safe, heavy


def short(path: Path) -> Path:
    """Two seconds of a small film."""
    _ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=2", "-pix_fmt", "yuv420p", str(path))
    return path


def _ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)
