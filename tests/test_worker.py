"""The processes: what they import, how many slots they have, how they end."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.config import settings
from app.core.db import fetch, fetchval
from app.core.jobs import JobState, Lane, enqueue
from app.worker import JOB_MODULES, slots_of
from tests.core import jobs_for_tests as kinds
from tests.core.crew import until, until_state

ROOT = Path(__file__).parents[1]


def loaded_by(program: str) -> set[str]:
    """The modules of a process that ran these lines."""
    lines = f"{program}; import sys; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", lines], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(ran.stdout.split())


def modules_with(decorator: str) -> set[str]:
    """Every module below app/ that uses it."""
    used = re.compile(rf"^@{decorator}\(", re.MULTILINE)
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "app").rglob("*.py")
        if used.search(path.read_text())
    }


def test_a_worker_knows_every_job_and_subscriber() -> None:
    loaded = loaded_by(f"import {', '.join(JOB_MODULES)}")
    assert modules_with("job") - loaded == set()
    assert modules_with("subscribe") - loaded == set()


def test_the_web_process_knows_every_subscriber() -> None:
    assert modules_with("subscribe") - loaded_by("import app.main") == set()


def test_slots(configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    configure(workers__default_slots=5)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(2)))
    assert slots_of(Lane.TRANSCODE, settings()) == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    assert slots_of(Lane.TRANSCODE, settings()) == slots_of(Lane.GPU, settings()) == 17
    assert slots_of(Lane.DEFAULT, settings()) == 5
    configure(workers__transcode_slots=3)
    assert slots_of(Lane.TRANSCODE, settings()) == 3


def test_the_dispatcher_imports_no_feature_and_no_web_framework() -> None:
    loaded = loaded_by("import app.core.jobs_dispatcher, app.core.jobs_gauges, app.worker")
    heavy = {
        "aiohttp",
        "tortoise",
        "av",
        "PIL",
        "jinja2",
        "babel",
        "app.core.db",
        "app.core.models",
    }
    assert not heavy & loaded
    features = [name for name in loaded if re.match(r"app\.(?!core|config|worker|cron)", name)]
    assert features == []


class Processes:
    """A dispatcher and a worker of this test's site."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = os.environ | environment | {"PYTHONPATH": str(ROOT)}
        self.dispatcher = self.start("from app.worker import run_dispatcher; run_dispatcher()")
        self.worker = self.start_worker()

    def start_worker(self) -> "subprocess.Popen[str]":
        return self.start(
            "import tests.core.jobs_for_tests; from app.worker import run_worker;"
            "run_worker(['default', 'transcode'])"
        )

    def start(self, program: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-c", program],
            cwd=ROOT,
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
        )


def ended(process: "subprocess.Popen[str]", *, by: signal.Signals) -> tuple[int, str]:
    process.send_signal(by)
    _, log = process.communicate(timeout=60)
    return process.returncode, log


async def test_a_worker_that_is_told_to_stop_loses_nothing(
    db_commit: None, settings_env: dict[str, str]
) -> None:
    processes = Processes(settings_env)
    job_id = await enqueue(kinds.encode, name="nobody releases it")
    await until_state(job_id, JobState.RUNNING)
    code, log = ended(processes.worker, by=signal.SIGTERM)
    assert code == 0, log
    row = await until_state(job_id, JobState.QUEUED)
    assert row["attempt"] == 0
    code, log = ended(processes.dispatcher, by=signal.SIGINT)
    assert code == 0, log
    assert "Traceback" not in log


async def test_a_killed_workers_job_goes_on_in_its_successor(
    db_commit: None, settings_env: dict[str, str]
) -> None:
    processes = Processes(settings_env)
    job_id = await enqueue(kinds.encode, name="nobody releases it")
    await until_state(job_id, JobState.RUNNING)
    ended(processes.worker, by=signal.SIGKILL)
    successor = processes.start_worker()

    async def second_attempt() -> bool:
        row = await fetch("SELECT state, attempt FROM job WHERE id = $1", job_id)
        return (row[0]["state"], row[0]["attempt"]) == (JobState.RUNNING, 2)

    await until(second_attempt)  # long before its lease of 30 s runs out
    assert await fetchval("SELECT count(DISTINCT split_part(id, '/', 1)) FROM worker") == 1
    ended(successor, by=signal.SIGTERM)
    ended(processes.dispatcher, by=signal.SIGTERM)
