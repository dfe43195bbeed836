"""Measures lists and details over HTTP: `python -m bench.http [--videos N …] [--plans]`.

For each size of the database one web process answers wrk; read are the CPU time of that process
and of PostgreSQL. Targets: 600 lists and 1,200 details a CPU second, 2 ms of PostgreSQL a list, and
that the number of videos makes no difference.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from app.core import db
from app.videos.filters import VideoFilter
from app.videos.queries import list_statement
from bench.http import database, load, processes
from tests import servers

SIZES = (1_000, 10_000, 1_000_000)
LIST_AIM, DETAIL_AIM, POSTGRES_AIM = 600, 1200, 2.0
UUIDS = 1000


@dataclass(frozen=True, slots=True)
class Case:
    """Paths that are asked in turn; `aim` is requests a CPU second of the web process."""

    name: str
    paths: Sequence[str]
    aim: int | None = None
    postgres_aim: float | None = None


def cases(videos: int, uuids: Sequence[str]) -> list[Case]:
    """What is measured; the first two are the targets', the others show where it bends."""
    lists = "/api/v1/videos"
    return [
        Case("list, newest", [f"{lists}?count=15"], LIST_AIM, POSTGRES_AIM),
        Case("detail", [f"{lists}/{uuid}" for uuid in uuids], DETAIL_AIM),
        Case("list, most viewed", [f"{lists}?sort=-views"], LIST_AIM, POSTGRES_AIM),
        Case("list, trending", [f"{lists}?sort=-trending"], LIST_AIM, POSTGRES_AIM),
        Case(
            "list, a category, by turns",
            [f"{lists}?categoryOneOf={number}" for number in range(1, 19)],
            LIST_AIM,
            POSTGRES_AIM,
        ),
        Case("list, of a channel", ["/api/v1/video-channels/channel7/videos"], None, POSTGRES_AIM),
        Case("list, of an account", ["/api/v1/accounts/user7/videos"], None, POSTGRES_AIM),
        Case("list, page 20", [f"{lists}?start=285"], LIST_AIM, POSTGRES_AIM),
        Case("list, its middle", [f"{lists}?start={videos // 2}"]),
        Case("search, a rare word", ["/api/v1/search/videos?search=karimo"]),
        Case("search, two words", ["/api/v1/search/videos?search=sea+volcano"]),
        Case("search, a typo", ["/api/v1/search/videos?search=volcqno"]),
    ]


PLANNED = {
    "newest": VideoFilter(),
    "most viewed": VideoFilter(sort="-views"),
    "name, page 20": VideoFilter(sort="name", start=285),
    "a category": VideoFilter(categories=(5,)),
    "tags": VideoFilter(tags_all_of=("sea", "volcano")),
}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m bench.http", description=__doc__)
    options.add_argument("--videos", type=int, nargs="+", default=SIZES, metavar="N")
    options.add_argument("--seconds", type=int, default=6, help="for each line of the table")
    options.add_argument("--plans", action="store_true", help="print PostgreSQL's plans, too")
    chosen = options.parse_args()
    postgres, redis = (
        servers.start_postgres(watched=os.getpid()),
        servers.start_redis(watched=os.getpid()),
    )
    try:
        print(
            f"{processes.processor()}; wrk, {load.CONNECTIONS} connections; one web process",
            flush=True,
        )
        for videos in chosen.videos:
            measure(postgres, redis, videos, seconds=chosen.seconds, plans=chosen.plans)
    finally:
        redis.stop()
        postgres.stop()


def measure(
    postgres: servers.Server, redis: servers.Server, videos: int, *, seconds: int, plans: bool
) -> None:
    """One size of the database: fill it, ask, print its lines."""
    url = asyncio.run(_make(postgres.folder, videos))
    uuids = asyncio.run(database.some_uuids(url, UUIDS))
    print(f"\n{videos:,} videos")
    print(f"{'':28}{'req/s':>8}{'req/CPU s':>11}{'aim':>7}{'PG ms/req':>11}{'aim':>6}{'failed':>8}")
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        processes.web_process(url, f"unix://{redis.folder}/redis.sock", Path(folder)) as site,
    ):
        for case in cases(videos, uuids):
            print_line(case, site, postgres.folder, seconds=seconds)
    if plans:
        asyncio.run(_print_plans(url))


def print_line(case: Case, site: tuple[int, int], folder: Path, *, seconds: int) -> None:
    """Ask for one case and print what it cost."""
    pid, port = site
    load.ask(port, case.paths, seconds=1)  # warm: connections, plans, caches
    backends = processes.family_of(processes.postmaster(folder))
    before = processes.cpu_seconds(pid), processes.cpu_seconds(*backends)
    told = load.ask(port, case.paths, seconds=seconds)
    web = processes.cpu_seconds(pid) - before[0]
    sql = processes.cpu_seconds(*backends) - before[1]
    print(
        f"{case.name:28}{told.requests / told.seconds:8.0f}{told.requests / web:11.0f}"
        f"{case.aim or '':>7}{1000 * sql / told.requests:11.2f}{case.postgres_aim or '':>6}"
        f"{told.failed:8}",
        flush=True,
    )


async def _make(folder: Path, videos: int) -> str:
    name = f"bench_{videos}"
    administration = await asyncpg.connect(f"postgres://kinora@/postgres?host={folder}")
    try:
        await administration.execute(f"CREATE DATABASE {name}")
    finally:
        await administration.close()
    url = f"postgres://kinora@/{name}?host={folder}"
    await db.migrate(url)
    await database.fill(url, videos)
    return url


async def _print_plans(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for name, wanted in PLANNED.items():
            sql, arguments = list_statement(wanted, None)
            lines = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {sql}", *arguments)
            print(f"\nplan: {name}")
            for line in lines:
                print(f"    {line[0]}")
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
