"""What the processes of a site cost when idle, and how soon and how fast jobs are done.

`python -m bench.jobs.measure` starts web, dispatcher and one worker on a private PostgreSQL and
Redis and prints a table. The budget of the idle memory (180 MB together) is held by
tests/test_idle.py.
"""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from app.core import db
from app.core.jobs import enqueue
from tests import servers
from tests.core import jobs_for_tests as kinds

ROOT = Path(__file__).parents[2]
IDLE_SECONDS = 30
JOBS_ALONE = 200
JOBS_TOGETHER = 1000
#: Optional to libraries of ours, and here only because the tests' libraries need them.
NOT_SHIPPED = ("rich", "cryptography")
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({NOT_SHIPPED}));"
COMMANDS = {
    "web": "from app.main import serve; serve()",
    "dispatcher": "from app.worker import run_dispatcher; run_dispatcher()",
    "worker": "import tests.core.jobs_for_tests; from app.worker import run_worker;"
    "run_worker(['default', 'federation', 'transcode'])",
}
Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Site:
    """What runs."""

    database_url: str
    processes: dict[str, Process]

    def memory(self) -> dict[str, float]:
        """Proportional set size of each process, MB: pages that processes share count once."""
        return {name: _pss(process.pid) for name, process in self.processes.items()}

    def processor_seconds(self) -> dict[str, float]:
        """Processor time that each process has used."""
        return {name: _processor_seconds(process.pid) for name, process in self.processes.items()}


def _pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def idle_site() -> Iterator[Site]:
    """Web, dispatcher and one worker, each started and at rest."""
    postgres = servers.start_postgres(watched=os.getpid())
    redis = servers.start_redis(watched=os.getpid())
    url = f"postgres://kinora@/postgres?host={postgres.folder}"
    asyncio.run(db.migrate(url))
    with tempfile.TemporaryDirectory() as folder:
        inherited = {name: value for name, value in os.environ.items() if "KINORA_" not in name}
        environment = inherited | {
            "KINORA_DATABASE__URL": url,
            "KINORA_REDIS__URL": f"unix://{redis.folder}/redis.sock",
            "KINORA_STORAGE__ROOT": f"{folder}/storage",
            "KINORA_STORAGE__WORK": f"{folder}/work",
            "KINORA_WEB__PORT": "0",
            "KINORA_LOG__LEVEL": "WARNING",
            "PYTHONPATH": str(ROOT),
        }
        processes = {
            name: subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-c", WITHOUT + command],
                cwd=ROOT,
                env=environment,
            )
            for name, command in COMMANDS.items()
        }
        try:
            asyncio.run(_until_at_rest(url, processes))
            yield Site(url, processes)
        finally:
            for process in processes.values():
                process.terminate()
            for process in processes.values():
                process.wait()
            redis.stop()
            postgres.stop()


async def _until_at_rest(url: str, processes: dict[str, Process]) -> None:
    """Every process holds its connections, and its processor time stands still."""
    database = await asyncpg.connect(url)
    try:
        while await database.fetchval(
            "SELECT count(DISTINCT application_name) FROM pg_stat_activity"
            " WHERE application_name LIKE 'kinora%'"
        ) < len(processes) or not await database.fetchval("SELECT count(*) FROM worker"):
            failed = [name for name, process in processes.items() if process.poll() is not None]
            if failed:
                raise RuntimeError(f"did not start: {failed}")
            await asyncio.sleep(0.1)
    finally:
        await database.close()
    before: dict[str, float] = {}
    while True:
        now = {name: _processor_seconds(process.pid) for name, process in processes.items()}
        if before and sum(now.values()) - sum(before.values()) < 0.05:
            return
        before = now
        await asyncio.sleep(2)


async def _start_latencies(url: str) -> list[float]:
    """Seconds from enqueue to start, one job at a time."""
    async with db.database(url):
        for _ in range(JOBS_ALONE):
            await enqueue(kinds.note, text="")
            while await db.fetchval("SELECT count(*) FROM job WHERE state <> 'done'"):
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.05)
        rows = await db.fetch(
            "SELECT extract(epoch FROM started_at - created_at)::float8 AS seconds FROM job"
        )
    return sorted(row["seconds"] for row in rows)


async def _all_at_once(url: str) -> float:
    """Seconds for many small jobs that are there at once."""
    async with db.database(url):
        async with db.transaction():
            for _ in range(JOBS_TOGETHER):
                await enqueue(kinds.note, text="")
        began = time.monotonic()
        while await db.fetchval("SELECT count(*) FROM job WHERE state <> 'done'"):
            await asyncio.sleep(0.02)
        return time.monotonic() - began


def main() -> None:
    """Measure and print."""
    with idle_site() as site:
        before = site.processor_seconds()
        time.sleep(IDLE_SECONDS)
        used, memory = site.processor_seconds(), site.memory()
        print(f"{'idle':12} {'memory, MB':>12} {'processor, %':>14}")
        for name, megabytes in memory.items():
            percent = (used[name] - before[name]) / IDLE_SECONDS * 100
            print(f"{name:12} {megabytes:12.1f} {percent:14.2f}")
        print(f"{'together':12} {sum(memory.values()):12.1f}\n")
        latencies = asyncio.run(_start_latencies(site.database_url))
        p95 = latencies[len(latencies) * 95 // 100]
        print(
            f"enqueue to start: median {statistics.median(latencies) * 1000:.1f} ms,"
            f" 95 % {p95 * 1000:.1f} ms, worst {latencies[-1] * 1000:.1f} ms"
        )
        before = site.processor_seconds()
        seconds = asyncio.run(_all_at_once(site.database_url))
        used = site.processor_seconds()
        costs = ", ".join(
            f"{name} {(used[name] - before[name]) / JOBS_TOGETHER * 1000:.1f} ms"
            for name in ("dispatcher", "worker")
        )
        print(f"{JOBS_TOGETHER / seconds:.0f} small jobs a second; processor time each: {costs}")


if __name__ == "__main__":
    main()
