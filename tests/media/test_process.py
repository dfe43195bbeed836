"""Child processes: bounded, watched, ended with whoever waits for them, and without our secrets."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.media import ffmpeg, process, sandbox
from app.media.errors import MediaError, Reason
from app.media.limits import MIB, Limits
from app.media.outputs import removed_on_error

PYTHON = sys.executable


async def run(code: str, limits: Limits = Limits(), **how: object) -> process.Finished:  # noqa: B008
    return await process.run([PYTHON, "-c", code], limits=limits, nice=0, **how)  # type: ignore[arg-type]


async def test_output_status_and_last_words() -> None:
    child = await run("import sys; print('out'); print('err' * 9999, file=sys.stderr); sys.exit(3)")
    assert (child.status, child.stdout) == (3, b"out\n")
    assert child.stderr.endswith("errerr")
    assert len(child.stderr) <= process.STDERR_TAIL


async def test_the_environment_holds_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINORA_SECRET", "s3cret")
    child = await run("import os, json; print(json.dumps(dict(os.environ)))")
    assert "KINORA_SECRET" not in json.loads(child.stdout)


async def test_a_child_is_nice_and_has_its_own_session() -> None:
    code = "import os; print(os.nice(0), os.getsid(0) == os.getpid())"
    child = await process.run([PYTHON, "-c", code], limits=Limits(), nice=7)
    assert child.stdout == f"{min(19, os.nice(0) + 7)} True\n".encode()


async def test_memory_is_bounded() -> None:
    child = await run("bytearray(400 << 20)", Limits(memory=200 * MIB))
    assert "MemoryError" in child.stderr


async def test_processor_time_is_bounded() -> None:
    child = await run("while True: pass", Limits(cpu_seconds=1))
    assert child.status == -signal.SIGXCPU
    assert sandbox.how_it_ended(child).reason is Reason.TOO_EXPENSIVE


async def test_files_are_bounded(tmp_path: Path) -> None:
    arguments = [
        *ffmpeg.pattern_source("testsrc2=s=640x360:r=30:d=5"),
        *("-c:v", "rawvideo", "-f", "rawvideo", ffmpeg.target(tmp_path / "a")),
    ]
    with pytest.raises(MediaError) as caught:
        await ffmpeg.run(arguments, limits=Limits(file_size=MIB))
    assert caught.value.reason is Reason.TOO_EXPENSIVE
    assert (tmp_path / "a").stat().st_size <= MIB


async def test_time_is_bounded() -> None:
    with pytest.raises(MediaError) as caught:
        await run("import time; time.sleep(999)", Limits(wall_seconds=0.5))
    assert caught.value.reason is Reason.TIMEOUT


async def test_silence_is_bounded_but_signs_of_life_are_not(tmp_path: Path) -> None:
    beat = "print('.', flush=True); time.sleep(0.1)"
    code = f"import time\nfor _ in range({{}}): {beat}\ntime.sleep({{}})"
    alive = await run(code.format(15, 0), Limits(stall_seconds=1))
    assert alive.stdout.count(b".") == 15
    with pytest.raises(MediaError) as caught:
        await run(code.format(1, 999), Limits(stall_seconds=0.5))
    assert caught.value.reason is Reason.TIMEOUT


async def test_cancelling_kills_the_whole_group(tmp_path: Path) -> None:
    """Also what the child has started itself."""
    pids: list[int] = []
    started = asyncio.Event()

    def take(data: bytes) -> None:
        pids.extend(int(word) for word in data.split())
        started.set()

    code = (
        "import os, subprocess, sys, time;"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(999)']);"
        "print(os.getpid(), other.pid, flush=True); time.sleep(999)"
    )

    async def cancel(group: asyncio.TaskGroup) -> None:
        task = group.create_task(run(code, on_output=take))
        await started.wait()
        task.cancel()

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        await cancel(group)
    assert len(pids) == 2
    for pid in pids:
        await gone(pid)


async def gone(pid: int) -> None:
    """Wait until a process has ended (its new parent may take a moment to notice)."""
    async with asyncio.timeout(20):
        while is_running(pid):
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


async def test_a_killed_worker_leaves_no_child(tmp_path: Path) -> None:
    """`kill -9` of the process that waits for ffmpeg ends ffmpeg."""
    root = Path(__file__).parents[2]
    worker_code = f"""
import asyncio, sys
sys.path.insert(0, {str(root)!r})
from app.media import process
from app.media.limits import Limits
code = "import os, time; print(os.getpid(), flush=True); time.sleep(999)"
show = lambda data: print(data.decode(), end="", flush=True)
asyncio.run(process.run([sys.executable, "-c", code], limits=Limits(), nice=0, on_output=show))
"""
    with subprocess.Popen([PYTHON, "-c", worker_code], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        pid = int(worker.stdout.readline())
        assert is_running(pid)
        worker.kill()
        worker.wait()
        await gone(pid)


async def test_ffmpeg_reports_its_progress(tmp_path: Path) -> None:
    reports: list[float] = []
    arguments = [
        *ffmpeg.pattern_source("testsrc2=s=320x180:r=30:d=2"),
        *("-c:v", "mpeg4", "-f", "matroska", ffmpeg.target(tmp_path / "a")),
    ]
    await ffmpeg.run(arguments, frames=60, on_progress=reports.append)
    assert reports == sorted(reports)
    assert reports[-1] == 1


async def test_a_mistake_in_our_own_child_is_no_media_error() -> None:
    with pytest.raises(RuntimeError, match="no_such_function"):
        await sandbox.call("app.media.records:no_such_function", None, limits=Limits(), nice=0)


async def test_a_crash_of_a_decoder_is_the_files_fault() -> None:
    child = await run("import os; os.abort()")
    assert child.status == -signal.SIGABRT
    error = sandbox.how_it_ended(child)
    assert (error.reason, error.is_files_fault) == (Reason.DAMAGED, True)


async def test_a_child_killed_for_memory_may_be_tried_again() -> None:
    child = await run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert not sandbox.how_it_ended(child).is_files_fault


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("av_interleaved_write_frame(): No space left on device", Reason.DISK_FULL),
        ("Cannot allocate memory", Reason.OUT_OF_MEMORY),
        ("Decoder (codec none) not found for input stream #0:0", Reason.UNSUPPORTED_CODEC),
        ("Error initializing output stream 0:0", Reason.ENCODER_FAILED),
        ("[hls] Format not on whitelist", Reason.PLAYLIST),
        ("Invalid data found when processing input", Reason.DAMAGED),
        ("something new", Reason.DAMAGED),
    ],
)
def test_ffmpegs_words_become_reasons(words: str, reason: Reason) -> None:
    error = ffmpeg.explain(process.Finished(1, b"", words))
    assert error.reason is reason
    assert error.detail == words
    assert words not in error.message


async def test_a_full_disk_is_the_machines_fault(tmp_path: Path) -> None:
    arguments = [*ffmpeg.pattern_source("testsrc2=s=320x180:r=30:d=2"), "-f", "rawvideo"]
    with pytest.raises(MediaError) as caught:
        await ffmpeg.run([*arguments, "-c:v", "rawvideo", "file:/dev/full"])
    assert caught.value.reason is Reason.DISK_FULL
    assert not caught.value.is_files_fault


async def test_an_ffmpeg_that_is_too_old_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "ffmpeg"
    old.write_text("#!/bin/sh\necho ffmpeg version 4.3.6-0+deb11u1 Copyright\n")
    old.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "_found", [])
    monkeypatch.setattr(ffmpeg, "_bundled", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + "/usr/bin:/bin")
    with pytest.raises(MediaError) as caught:
        await ffmpeg.find()
    assert caught.value.reason is Reason.NO_FFMPEG
    assert "4.3.6" in caught.value.detail


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [("5.1.9-0+deb12u1", True), ("n7.1", True), ("9.0.2-static", True), ("4.4.2", False)],
)
def test_versions(version: str, is_enough: bool) -> None:
    assert ffmpeg._is_new_enough(version) is is_enough


def test_half_made_files_are_removed(tmp_path: Path) -> None:
    made = tmp_path / "a"

    def fail() -> None:
        with removed_on_error(made, tmp_path / "never"):
            made.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not made.exists()
