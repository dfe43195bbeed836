"""`bin/run` from top to bottom: take the data folder, start everything, wait, stop everything."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from app import __version__
from app.local import programs, readiness, services, wiring
from app.local.folder import SPACE_TO_FAIL, DataFolder
from app.local.identity import LOW_PORTS
from app.local.programs import ROOT, Programs
from app.local.supervisor import Process, Supervisor, last_line
from app.local.trouble import TroubleError

LANES = ("default", "federation", "transcode", "gpu", "live")
SECONDS_TO_SERVE = 60.0
FALLS_TO_GIVE_UP = 3  # it falls once where PostgreSQL takes long to recover from a crash
SECONDS_TO_STOP = 9.0  # all in all; of these:
SECONDS_FOR_WORK = 5.5  # to finish requests and put jobs back
SECONDS_FOR_REDIS = 1.0
LEFTOVER_SECONDS = 10.0


def say(line: str) -> None:
    """Tell the person at the terminal; once that is gone, nobody."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: argparse.Namespace) -> int:
    """Run the site until somebody stops it; gives the exit status."""
    for name in (signal.SIGINT, signal.SIGTERM):  # a shell's `&` leaves SIGINT ignored
        signal.signal(name, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        site = Site(arguments)
        try:
            site.start()
            site.serve()
        finally:
            site.stop()
    except TroubleError as trouble:
        print(f"Kinora cannot start. {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("Kinora has stopped.")
    return 0


class Site:
    """The site that runs on one data folder."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Take the folder, find the programs and choose the port; starts nothing yet."""
        self.demo: bool = arguments.demo
        self.folder = DataFolder(arguments.data)
        self.wiring = wiring.wire(self.folder, host=arguments.host, port=arguments.port)
        self.folder.announce(self.wiring.public_url)
        self._end_leftovers()
        self.programs = programs.find(
            cluster=self.folder.root / "postgres", bundled=arguments.bundled
        )
        self.user = self.folder.identity.able_to_use(
            self.folder.root, Path(sys.executable), ROOT, *_paths(self.programs)
        )
        self.environment = self._environment()
        self.supervisor = Supervisor(
            folder=self.folder.root,
            logs=self.folder.root / "log",
            environment=self.environment,
            say=say,
            give=self.user.give,
            on_change=self.folder.remember,
        )

    def _environment(self) -> dict[str, str]:
        """The children find ffmpeg first of all in a folder of ours."""
        bin_folder = self.folder.root / "run" / "bin"
        bin_folder.mkdir(mode=0o700, exist_ok=True)
        self.user.give(bin_folder)
        link = bin_folder / "ffmpeg"
        link.unlink(missing_ok=True)
        link.symlink_to(self.programs.ffmpeg.path)
        path = f"{bin_folder}:{os.environ.get('PATH', os.defpath)}"
        return {**self.wiring.environment, "PATH": path, "PYTHONUNBUFFERED": "1"}

    def _end_leftovers(self) -> None:
        """Wait for processes of a run that was killed; they are already told to end."""
        end = time.monotonic() + LEFTOVER_SECONDS
        while (left := self.folder.leftovers()) and time.monotonic() < end:
            time.sleep(0.05)
        for pid in left.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def start(self) -> None:
        """Start everything; returns when the site answers. Raises TroubleError."""
        try:
            self._start()
        except TroubleError:
            self.folder.ensure_space(SPACE_TO_FAIL)
            raise

    def _start(self) -> None:
        say(f"Kinora {__version__} with {self.programs}; data in {self.folder.root}")
        is_new = False
        if self.wiring.own_database:
            is_new = services.make_cluster(self.folder, self.user, self.programs)
            self.supervisor.start(services.postgres(self.folder, self.user, self.programs))
        if self.wiring.own_redis:
            self.supervisor.start(services.redis(self.folder, self.user, self.programs))
        low = (LOW_PORTS,) if self.wiring.port < 1024 else ()
        web = self._kinora("web", capabilities=low)
        if not is_new:  # it loads while PostgreSQL starts
            self.supervisor.start(web)
        if not self._is_prepared():
            self.supervisor.stop("web", seconds=SECONDS_FOR_WORK)
            self._prepare()
            self.supervisor.start(web)
        self._wait_until_it_serves()
        self.supervisor.start(self._kinora("dispatcher"))
        self.supervisor.start(self._kinora("worker", *LANES))
        say(f"Kinora runs at {self.wiring.public_url} (Ctrl-C stops it)")

    def _kinora(self, *words: str, capabilities: tuple[str, ...] = ()) -> Process:
        command = (sys.executable, "-P", "-m", "app", *words)
        return Process(words[0], self.user.command(*command, capabilities=capabilities))

    def _is_prepared(self) -> bool:
        """Whether this version has run here before; asked in a tenth of what preparing takes."""
        where = (self.programs.postgres.path.parent, self.folder.sockets())
        known = None if self.wiring.own_database else False
        while known is None:
            self.supervisor.require("postgres")
            known = readiness.is_prepared(*where)
        return known

    def _prepare(self) -> None:
        """Migrate, and make the administrator at the first start."""
        sockets = self.folder.sockets()
        server = services.maintenance_url(sockets) if self.wiring.own_database else ""
        command = self.user.command(sys.executable, "-P", "-m", "app.local.prepare", server)
        with self.supervisor.open_log("prepare") as log:
            running = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=self.environment, cwd=ROOT
            )
        while running.poll() is None:
            self.supervisor.require(*self.supervisor.names)
            time.sleep(0.02)
        made, _ = running.communicate()
        if running.returncode != 0:
            raise TroubleError(self._last_words("prepare"))
        password = json.loads(made)["password"]
        if password and not os.environ.get("KINORA_ADMIN_PASSWORD"):
            say(f"The administrator is root, the password {password} (it is shown only this once)")

    def _last_words(self, name: str) -> str:
        log = self.supervisor.log(name)
        return f"{last_line(log)} See {log}."

    def _wait_until_it_serves(self) -> None:
        end = time.monotonic() + SECONDS_TO_SERVE
        while not readiness.answers(self.wiring):
            self.supervisor.require("web", falls=FALLS_TO_GIVE_UP)
            if time.monotonic() > end:
                raise TroubleError(
                    f"The web process does not answer; see {self.supervisor.log('web')}."
                )
            self.supervisor.watch(seconds=0.02)

    def serve(self) -> None:
        """Keep everything running until an exception, such as Ctrl-C's, ends it."""
        if self.demo:
            demo = self._kinora("demo").command
            with subprocess.Popen(demo, env=self.environment, cwd=ROOT) as filling:
                while filling.poll() is None:
                    self.supervisor.watch(seconds=0.5)
        self.supervisor.watch()

    def stop(self) -> None:
        """Stop everything within ten seconds, those who use others first."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        if self.supervisor.names:
            say("Stopping.")
        end = time.monotonic() + SECONDS_TO_STOP
        self.supervisor.stop("web", "dispatcher", "worker", seconds=SECONDS_FOR_WORK)
        self.supervisor.stop("redis", seconds=SECONDS_FOR_REDIS)
        self.supervisor.stop("postgres", seconds=end - time.monotonic())


def _paths(found: Programs) -> list[Path]:
    return [found.postgres.path, found.redis.path, found.ffmpeg.path]
