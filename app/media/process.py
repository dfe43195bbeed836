"""Child processes under limits that cannot outlive whoever waits for them."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.media.errors import MediaError, Reason
from app.media.limits import Limits

CHILD: Final = str(Path(__file__).with_name("child.py"))
STDERR_TAIL: Final = 16 * 1024
KEPT_VARIABLES: Final = ("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
KEPT_PREFIXES: Final = ("LIBVA_", "CUDA_", "NVIDIA_", "MFX_", "ONEVPL_")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended: its status (negative: the signal that ended it) and its last words."""

    status: int
    stdout: bytes
    stderr: str


class _Watch:
    """Measures the time since the child last gave a sign of life."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.timeout: asyncio.Timeout | None = None

    def sign_of_life(self) -> None:
        if self.timeout is not None and self.seconds is not None and not self.timeout.expired():
            self.timeout.reschedule(asyncio.get_running_loop().time() + self.seconds)


async def run(
    program: Sequence[str],
    *,
    limits: Limits,
    nice: int,
    stdin: bytes | None = None,
    on_output: Callable[[bytes], None] | None = None,
    folder: Path | None = None,
) -> Finished:
    """Run `program` (an absolute path and its arguments), or with one word `module:function` call
    that.

    The child has its own session, loses the environment's secrets, dies with this process, and is
    killed with its whole group when this call is cancelled or a limit of time is reached
    (MediaError TIMEOUT). `on_output` gets standard output as it comes; without it the bytes are
    kept. Standard error is kept to its last 16 KiB.
    """
    child = await asyncio.create_subprocess_exec(
        *_command(program, limits, nice),
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        cwd=folder,
        env=_environment(),
    )
    watch = _Watch(limits.stall_seconds)
    kept = bytearray()

    def take(data: bytes) -> None:
        watch.sign_of_life()
        if on_output is None:
            kept.extend(data)
        else:
            on_output(data)

    try:
        async with asyncio.timeout(limits.wall_seconds), asyncio.timeout(limits.stall_seconds) as t:
            watch.timeout = t
            _, _, tail = await asyncio.gather(
                _feed(child, stdin), _read(child.stdout, take), _tail(child.stderr)
            )
            status = await child.wait()
    except TimeoutError:
        raise MediaError(
            Reason.TIMEOUT, "Working on this file took too long and was stopped."
        ) from None
    finally:
        _kill(child)
        await child.wait()
    return Finished(status, bytes(kept), tail.decode("utf-8", "replace").strip())


def _command(program: Sequence[str], limits: Limits, nice: int) -> list[str]:
    settings = json.dumps(
        {
            "parent": os.getpid(),
            "nice": nice,
            "cpu_seconds": limits.cpu_seconds,
            "memory": limits.memory,
            "file_size": limits.file_size,
        }
    )
    if len(program) == 1 and ":" in program[0]:
        return [sys.executable, "-I", CHILD, settings, "call", program[0]]
    return [sys.executable, "-I", "-S", CHILD, settings, "exec", *program]


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in KEPT_VARIABLES or name.startswith(KEPT_PREFIXES)
    }


async def _feed(child: asyncio.subprocess.Process, data: bytes | None) -> None:
    if child.stdin is None or data is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(data)
        await child.stdin.drain()
    child.stdin.close()


async def _read(stream: asyncio.StreamReader | None, take: Callable[[bytes], None]) -> None:
    while stream is not None and (data := await stream.read(64 * 1024)):
        take(data)


async def _tail(stream: asyncio.StreamReader | None) -> bytes:
    tail = b""
    while stream is not None and (data := await stream.read(64 * 1024)):
        tail = (tail + data)[-STDERR_TAIL:]
    return tail


def _kill(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
