"""kill -9 at random moments: workers, dispatchers, Redis without persistence, PostgreSQL's
backends.

Every job of a transaction that committed is done and has its effect exactly once; none of a
transaction that was rolled back ever runs.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from app.core import db
from app.core.jobs import enqueue
from app.core.jobs_attempt import DATABASE_ERRORS
from tests import servers
from tests.core.jobs_for_tests import chaos

ROOT = Path(__file__).parents[2]
CHAOS_SECONDS = 15
#: On a slow machine it goes on until so many workers were killed in the middle of a job …
BUSY_WORKERS = 4
#: … but not for longer than this.
LONGEST_SECONDS = 90
DRAIN_SECONDS = 120
WORKER = """
import tests.core.jobs_for_tests
from app.worker import run_worker
run_worker(["default"])
"""
DISPATCHER = "from app.worker import run_dispatcher; run_dispatcher()"


@dataclass
class Site:
    """Processes that a supervisor would start again at once."""

    environment: dict[str, str]
    redis: servers.Server
    log: Path
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    @property
    def enough(self) -> bool:
        """Whether that was chaos enough."""
        seconds = time.monotonic() - self.began
        hit = self.kills["worker"] >= BUSY_WORKERS
        return seconds > (CHAOS_SECONDS if hit else LONGEST_SECONDS)

    def start(self, name: str) -> None:
        program = WORKER if name.startswith("worker") else DISPATCHER
        with self.log.open("ab") as log:
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-c", program],
                cwd=ROOT,
                env=self.environment,
                stderr=log,
            )

    def revive(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                self.start(name)

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()
        self.kills[name.partition(" ")[0]] += 1
        self.start(name)

    async def kill_busy_worker(self) -> None:
        """In the middle of a job."""
        try:
            busy = await db.fetch("SELECT DISTINCT worker FROM job WHERE state = 'running'")
        except DATABASE_ERRORS:
            return
        pids = {int(row["worker"].split(":")[-2]) for row in busy}
        for name, process in list(self.processes.items()):
            if process.pid in pids:
                self.kill(name)
                return

    def kill_redis(self) -> None:
        """With all it knows: it keeps nothing."""
        self.redis.stop()
        self.redis.folder.mkdir()
        self.redis = servers.start_redis(watched=os.getpid(), folder=self.redis.folder)
        self.kills["redis"] += 1

    async def crash_postgres(self) -> None:
        """A killed backend makes PostgreSQL end all connections and recover."""
        try:
            connection = await asyncpg.connect(self.environment["KINORA_DATABASE__URL"], timeout=5)
        except DATABASE_ERRORS:
            return
        os.kill(connection.get_server_pid(), signal.SIGKILL)
        connection.terminate()
        self.kills["postgres"] += 1

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        self.redis.stop()
        hung = [name for name, process in self.processes.items() if not ended(process)]
        assert not hung


def ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it ends in order; else it is killed."""
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """A cluster of its own, whose commits survive its crashes."""
    postgres = servers.start_postgres(watched=os.getpid(), synchronous_commit="on")
    redis = servers.start_redis(watched=os.getpid())
    inherited = {name: value for name, value in os.environ.items() if "KINORA_" not in name}
    environment = inherited | {
        "KINORA_DATABASE__URL": f"postgres://kinora@/postgres?host={postgres.folder}",
        "KINORA_REDIS__URL": f"unix://{redis.folder}/redis.sock",
        "KINORA_WORKERS__LEASE_SECONDS": "3",
        "PYTHONPATH": str(ROOT),
    }
    site = Site(environment, redis, tmp_path / "chaos.log")
    yield site
    site.stop()
    postgres.stop()


@dataclass
class Ledger:
    """What the producer was told about each job."""

    committed: set[str] = field(default_factory=set)
    rolled_back: set[str] = field(default_factory=set)
    #: the database went away during COMMIT: either is right, but not twice
    unknown: set[str] = field(default_factory=set)


class _RollBack(Exception):  # noqa: N818 - no error
    pass


async def produce(ledger: Ledger, chance: random.Random, site: Site) -> None:
    """Owe jobs, a fifth of them in transactions that are rolled back."""
    number = 0
    while not site.enough:
        number += 1
        name, undone = f"job {number}", chance.random() < 0.2
        try:
            async with db.transaction():
                await enqueue(
                    chaos,
                    name=name,
                    seconds=chance.uniform(0, 0.8),
                    owner_id=chance.choice([None, 1, 2]),
                )
                if undone:
                    raise _RollBack
            ledger.committed.add(name)
        except _RollBack:
            ledger.rolled_back.add(name)
        except DATABASE_ERRORS:
            ledger.unknown.add(name)
        await asyncio.sleep(0.05)


async def wreck(site: Site, chance: random.Random) -> None:
    """Kill something, again and again."""
    while not site.enough:
        await asyncio.sleep(chance.uniform(0.2, 1))
        match chance.choice(["worker", "worker", "worker", "dispatcher", "redis", "postgres"]):
            case "redis":
                site.kill_redis()
            case "postgres":
                await site.crash_postgres()
            case "dispatcher":
                site.kill(chance.choice(["dispatcher 0", "dispatcher 1"]))
            case _:
                await site.kill_busy_worker()
        site.revive()


@pytest.mark.chaos
@pytest.mark.timeout(LONGEST_SECONDS + DRAIN_SECONDS + 60)
async def test_nothing_is_lost_and_nothing_happens_twice(site: Site) -> None:
    url = site.environment["KINORA_DATABASE__URL"]
    await db.migrate(url)
    ledger, chance = Ledger(), random.Random()
    async with db.database(url):
        await db.execute("CREATE TABLE effect (name text)")
        for name in ("worker 0", "worker 1", "worker 2", "dispatcher 0", "dispatcher 1"):
            site.start(name)
        await asyncio.gather(produce(ledger, chance, site), wreck(site, chance))
        await drained(site)
        effects = Counter(row["name"] for row in await db.fetch("SELECT name FROM effect"))
        attempts = await db.fetchval("SELECT max(attempt) FROM job")
        states = {row["state"] for row in await db.fetch("SELECT DISTINCT state FROM job")}
    print(
        f"{len(ledger.committed)} committed, {len(ledger.rolled_back)} rolled back,"
        f" {len(ledger.unknown)} unknown; at most {attempts} attempts; killed: {dict(site.kills)}"
    )
    assert len(ledger.committed) > 50
    assert attempts > 1, site.kills
    assert ledger.committed <= effects.keys()
    assert not ledger.rolled_back & effects.keys()
    assert effects.keys() <= ledger.committed | ledger.unknown
    assert set(effects.values()) == {1}
    assert states == {"done"}


async def drained(site: Site) -> None:
    """Wait until no job is left, with every process alive."""
    async with asyncio.timeout(DRAIN_SECONDS):
        while True:
            site.revive()
            try:
                if not await db.fetchval("SELECT count(*) FROM job WHERE state <> 'done'"):
                    return
            except DATABASE_ERRORS:
                pass
            await asyncio.sleep(0.1)
