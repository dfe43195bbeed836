"""Starts processes, restarts those that fall over, stops them in order; nothing outlives it.

Small and synchronous on purpose: it is the one process that must never have a bad day.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.local.trouble import TroubleError

FIRST_PAUSE = 0.5  # seconds before a process is started again; doubles each time
LONGEST_PAUSE = 30.0
GOOD_HEALTH = 60.0  # a process that ran for so long begins with the first pause again
LARGEST_LOG = 20 * 1000**2
HOPELESS = 2  # the status of a command that rejects its settings: it will do so again


@dataclass(frozen=True, slots=True)
class Process:
    """What to run: `command` sets its own user and what happens to it when the supervisor dies."""

    name: str
    command: Sequence[str]
    stop_signal: str = "TERM"
    kill_signal: str = "KILL"


@dataclass(slots=True)
class _Child:
    process: Process
    running: subprocess.Popen[bytes] | None = None
    watch: int = -1
    started: float = 0.0
    pause: float = 0.0
    due: float = 0.0
    falls: int = 0
    status: int | None = None  # of its last fall


class Supervisor:
    """The processes of one site."""

    def __init__(
        self,
        *,
        folder: Path,
        logs: Path,
        environment: Mapping[str, str],
        say: Callable[[str], None],
        give: Callable[[Path], None],
        on_change: Callable[[Mapping[str, int]], None],
    ) -> None:
        """`folder` is where they run.

        `say` tells the person what happened, `give` makes a new log the user's, `on_change` is told
        the running processes by name.
        """
        self._folder = folder
        self._logs = logs
        self._environment = environment
        self._say = say
        self._give = give
        self._on_change = on_change
        self._children: dict[str, _Child] = {}

    def start(self, process: Process) -> None:
        """Start a process and keep it running."""
        child = self._children[process.name] = _Child(process, pause=FIRST_PAUSE)
        self._launch(child)

    def _launch(self, child: _Child) -> None:
        with self.open_log(child.process.name) as log:
            child.running = subprocess.Popen(
                child.process.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=dict(self._environment),
                start_new_session=True,  # Ctrl-C is for us; we stop them in order
            )
        child.watch = os.pidfd_open(child.running.pid)
        child.started = time.monotonic()
        self._changed()

    @contextlib.contextmanager
    def open_log(self, name: str) -> Iterator[int]:
        """The log of a process, for appending; one that is too long makes room for a new one."""
        path = self.log(name)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > LARGEST_LOG:
                path.replace(path.with_suffix(".log.1"))
        try:
            log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._give(path)
        except OSError:  # a full disk has no room for a new one; the process matters more
            log = os.open(os.devnull, os.O_WRONLY)
        try:
            yield log
        finally:
            os.close(log)

    def log(self, name: str) -> Path:
        """Where the log of a process is."""
        return self._logs / f"{name}.log"

    def _changed(self) -> None:
        self._on_change(
            {name: child.running.pid for name, child in self._children.items() if child.running}
        )

    def watch(self, *, seconds: float | None = None) -> None:
        """Restart what falls over, for ever or for some time."""
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            self._restart_what_is_due()
            now = time.monotonic()
            times = [child.due for child in self._children.values() if child.running is None]
            times += [end] if end is not None else []
            self._wait(min(times) - now if times else None)
            for child in self._children.values():
                self._look_after(child)
            if end is not None and time.monotonic() >= end:
                return

    def _wait(self, seconds: float | None) -> None:
        """Until a process ends or the time is over."""
        poll = select.poll()
        for child in self._children.values():
            if child.running is not None:
                poll.register(child.watch, select.POLLIN)
        poll.poll(None if seconds is None else max(0.0, seconds) * 1000)

    def _restart_what_is_due(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.running is None and child.due <= now:
                self._launch(child)

    def _look_after(self, child: _Child) -> None:
        if child.running is None or child.running.poll() is None:
            return
        how = _ending(child.running.returncode)
        ran = time.monotonic() - child.started
        child.status = child.running.returncode
        self._forget(child)
        child.falls += 1
        child.pause = FIRST_PAUSE if ran > GOOD_HEALTH else child.pause
        child.due = time.monotonic() + child.pause
        log = self.log(child.process.name)
        self._say(f"{child.process.name} {how}, starting it again; see {log}")
        child.pause = min(LONGEST_PAUSE, child.pause * 2)
        self._changed()

    def _forget(self, child: _Child) -> None:
        os.close(child.watch)
        child.running = None

    def require(self, *names: str, falls: int = 1) -> None:
        """Raise TroubleError with the last words of one that has ended by itself `falls` times.

        One that rejects its settings is not tried again.
        """
        for name in names:
            child = self._children[name]
            ended = child.running.poll() if child.running is not None else None
            hopeless = HOPELESS in (ended, child.status)
            if hopeless or child.falls + (ended is not None) >= falls:
                raise TroubleError(
                    f"{name} does not start: {last_line(self.log(name))} See {self.log(name)}."
                )

    def stop(self, *names: str, seconds: float) -> None:
        """Ask these to stop, all at once; after so many seconds they are killed."""
        children = [self._children[name] for name in names if name in self._children]
        running = [child for child in children if child.running is not None]
        for child in running:
            _send(child, child.process.stop_signal)
        end = time.monotonic() + seconds
        for child in running:
            if child.running is None:
                continue
            try:
                child.running.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{child.process.name} did not stop in time and is killed")
                _send(child, child.process.kill_signal)
                child.running.wait()
            self._forget(child)
        for child in children:
            del self._children[child.process.name]
        self._changed()

    @property
    def names(self) -> list[str]:
        """The processes, in the order they were started."""
        return list(self._children)


def _send(child: _Child, name: str) -> None:
    if child.running is not None:
        child.running.send_signal(signal.Signals[f"SIG{name}"])


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by {signal.Signals(-status).name}"


def last_line(log: Path) -> str:
    """The last line of a log that says something, as a sentence."""
    with contextlib.suppress(OSError):
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
        if told := [line for line in lines if line]:
            return told[-1] if told[-1].endswith((".", "?", "!")) else f"{told[-1]}."
    return "it said nothing."
