"""First thing that runs in a child process: puts limits on itself, then becomes what was asked for.

Run as a script by `process.run`, never imported by the site. It exists because limits set from the
parent (`preexec_fn`) may dead-lock where threads run, and limits set afterwards come too late.

    python -I -S child.py SETTINGS exec PROGRAM ARGUMENT…    becomes PROGRAM
    python -I child.py SETTINGS call MODULE:FUNCTION         calls it with standard input's JSON
"""

import contextlib
import ctypes
import errno
import importlib
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, even by `kill -9`."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the request above
        os.kill(os.getpid(), signal.SIGKILL)


def limit(settings: dict[str, int | None]) -> None:
    """Put the limits on; they hold for everything this process becomes or starts.

    Only the soft ones: at a soft limit of CPU time the process dies of SIGXCPU, which says why.
    """
    for name, kind in (
        ("cpu_seconds", resource.RLIMIT_CPU),
        ("memory", resource.RLIMIT_AS),
        ("file_size", resource.RLIMIT_FSIZE),
    ):
        value = settings.get(name)
        if value is not None:
            hard = resource.getrlimit(kind)[1]
            bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (bound, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(settings.get("nice") or 0)
    with contextlib.suppress(OSError):  # where memory ends, this goes before the worker does
        Path("/proc/self/oom_score_adj").write_text("700")


def become(program: list[str]) -> None:
    """Replace this process by a program."""
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them and would pass that on
        signal.signal(ignored, signal.SIG_DFL)
    os.execv(program[0], program)  # noqa: S606 - this is what a launcher is for


def call(target: str) -> None:
    """Call a function with the JSON from standard input and write its answer to standard output."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not mix with the answer
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)
    try:
        answer = {"result": function(json.load(sys.stdin))}
    except Exception as error:  # noqa: BLE001 - `explain` raises what it does not know
        answer = {"error": explain(error)}
    with os.fdopen(answers, "w", encoding="utf-8") as out:
        json.dump(answer, out)
    os._exit(0)  # nothing is worth freeing, and a library's mistake in it would look like a crash


def explain(error: Exception) -> dict[str, str]:
    """Say what an exception means; one that only a mistake of ours can raise goes on."""
    from app.media.errors import MediaError, Reason

    if isinstance(error, MediaError):
        return {"reason": error.code, "message": error.message, "detail": error.detail}
    if isinstance(error, MemoryError):
        reason, message = (
            Reason.TOO_EXPENSIVE,
            "This file needs more memory to read than we allow.",
        )
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason, message = Reason.DISK_FULL, "The server's disk is full."
    elif isinstance(error, (OSError, ValueError, ArithmeticError, EOFError)):  # PyAV's and Pillow's
        reason, message = Reason.DAMAGED, "This file is damaged: it could not be read."
    else:
        raise error
    return {"reason": reason.value, "message": message, "detail": traceback.format_exc()[-2000:]}


def main() -> None:
    """Do what the command line asks."""
    settings = json.loads(sys.argv[1])
    end_with(settings["parent"])
    limit(settings)
    if sys.argv[2] == "exec":
        become(sys.argv[3:])
    call(sys.argv[3])


if __name__ == "__main__":
    main()
