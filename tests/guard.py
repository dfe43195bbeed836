"""Runs a server for as long as another process lives: `guard.py PID FOLDER SIGNAL USER COMMAND…`.

Tests may end by Ctrl-C, a crash or kill -9; this process, in a session of its own, waits for the
end of the process it was given (or for SIGTERM), then stops the server and removes its folder. It
imports nothing of the program, so that it starts at once.
"""

import os
import select
import shutil
import signal
import subprocess
import sys


def main() -> None:
    watched, folder, stop_signal, user, *command = sys.argv[1:]
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ends = [os.pidfd_open(int(watched)), woken]
    except ProcessLookupError:
        shutil.rmtree(folder, ignore_errors=True)
        return
    server = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        user=user or None,
        group="nogroup" if user else None,
        extra_groups=[] if user else None,
    )
    try:
        select.select(ends, [], [])
    finally:
        server.send_signal(signal.Signals[stop_signal])
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
