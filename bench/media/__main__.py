"""Measures transcoding: `python -m bench.media [--seconds N] [--threads N] [--no-quality]`.

A running site beside the way PeerTube goes, on the same films, one after the other on this machine.
Aims: a web-safe film plays within 3 s of its last byte; one that must be encoded anew within 0.15
of the sequential way; the whole ladder for at most 0.70 of its CPU and 0.55 of its time; with two
uploads at once the second plays within twice what it takes alone.
"""

import argparse
import concurrent.futures
import json
import tempfile
import time
from pathlib import Path

from bench.http.processes import cpu_seconds, processor
from bench.media import quality, sequential, sources
from bench.media.client import Client
from bench.media.sequential import Outcome
from tests.site import Site, start_site

PASSWORD = "bench-password"
QUIET_SECONDS = 2.0
COMPARED = (1080, 720, 480, 360)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m bench.media", description=__doc__)
    options.add_argument("--seconds", type=int, default=60, help="length of the films")
    options.add_argument("--threads", type=int, default=2, help="of the sequential way's ffmpeg")
    options.add_argument("--no-quality", action="store_true", help="leave VMAF out")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="kinora-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        print(f"{processor()}; films of {chosen.seconds} s, 1080p30, H.264/AAC", flush=True)
        web_safe, heavy = sources.make(folder, chosen.seconds)
        site = start_site(
            folder, KINORA_ADMIN_PASSWORD=PASSWORD, KINORA_RATE_LIMITS__ENABLED="false"
        )
        try:
            client = Client.log_in(site.url, "root", PASSWORD)
            warm_up(client, folder)
            for title, film, is_web_safe in (
                ("web-safe source", web_safe, True),
                ("source that must be encoded anew", heavy, False),
            ):
                ours = through_the_site(site, client, film, title)
                theirs = sequential.transcode(
                    film,
                    folder / f"sequential-{film.stem}",
                    is_web_safe=is_web_safe,
                    threads=chosen.threads,
                )
                print_comparison(title, ours, theirs, is_web_safe=is_web_safe)
                if not chosen.no_quality:
                    print_quality(film, ours, theirs, chosen.seconds)
                if not is_web_safe:
                    print_two_at_once(client, film, alone=ours.first_playable)
        finally:
            site.stop()


def warm_up(client: Client, folder: Path) -> None:
    """A short film first: what is measured is a site whose workers are there already."""
    film = sources.short(folder / "short.mp4")
    client.wait_until("complete", client.upload(film, "warming up"))


def through_the_site(site: Site, client: Client, film: Path, name: str) -> Outcome:
    """Upload a film and follow it until its ladder is whole."""
    before = workers_cpu(site)
    upload = client.upload(film, name)
    first = client.wait_until("playable", upload)
    whole = client.wait_until("complete", upload)
    time.sleep(QUIET_SECONDS)  # the storyboard comes after the ladder; its CPU is counted, too
    media = site.data / "storage" / "hls" / upload.uuid
    heights = (sequential.TOP, *sequential.ORDER)
    renditions = {height: next(media.glob(f"*-{height}p.mp4")) for height in heights}
    return Outcome(
        first_playable=first,
        whole_ladder=whole,
        cpu=workers_cpu(site) - before,
        stored=sum(path.stat().st_size for path in [*renditions.values(), *sounds(media)]),
        renditions=renditions,
    )


def sounds(media: Path) -> list[Path]:
    """The files of sound that the renditions share."""
    return list(media.glob("*-audio-*.mp4"))


def workers_cpu(site: Site) -> float:
    """CPU seconds of the workers and of every child they have waited for."""
    return cpu_seconds(*(pid for name, pid in site.pids.items() if name.startswith("worker")))


def print_comparison(title: str, ours: Outcome, theirs: Outcome, *, is_web_safe: bool) -> None:
    """Kinora beside the sequential way."""
    first_aim = "≤ 3 s" if is_web_safe else "≤ 0.15"
    print(f"\n{title}")
    print(f"{'':34}{'Kinora':>10}{'sequential':>12}{'ratio':>8}{'aim':>8}")
    for what, mine, other, unit, aim in (
        ("last byte to first playable", ours.first_playable, theirs.first_playable, "s", first_aim),
        ("last byte to whole ladder", ours.whole_ladder, theirs.whole_ladder, "s", "≤ 0.55"),
        ("CPU, all children", ours.cpu, theirs.cpu, "s", "≤ 0.70"),
        ("stored", ours.stored / 1e6, theirs.stored / 1e6, "MB", ""),
    ):
        print(f"{f'{what} ({unit})':34}{mine:10.2f}{other:12.2f}{mine / other:8.2f}{aim:>8}")


def print_quality(film: Path, ours: Outcome, theirs: Outcome, seconds: int) -> None:
    """Likeness and bit rate of the renditions that both encoded."""
    print(f"{f'{quality.measure()} at Mb/s':34}{'Kinora':>20}{'sequential':>20}")
    for height in COMPARED:
        cells = []
        for outcome in (ours, theirs):
            media = outcome.renditions[height]
            score, rate = quality.of(media, film), quality.bit_rate(media, seconds)
            cells.append(f"{score:.2f} at {rate:.2f}")
        print(f"{f'{height}p':34}{cells[0]:>20}{cells[1]:>20}", flush=True)


def print_two_at_once(client: Client, film: Path, *, alone: float) -> None:
    """A second upload while the first is being encoded."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        uploads = [client.upload(film, f"at once {number}") for number in (1, 2)]
        firsts = list(pool.map(lambda each: client.wait_until("playable", each), uploads))
        ratio = firsts[1] / alone
        print(f"two at once, first playable: {json.dumps([round(each, 2) for each in firsts])} s")
        print(f"the second against alone: {ratio:.2f} (aim ≤ 2)")
        list(pool.map(lambda each: client.wait_until("complete", each), uploads))


if __name__ == "__main__":
    main()
