"""Calls functions that open strangers' files in a child process, never in this one."""

import json
import signal
from typing import Final, cast

from app.media import records
from app.media.errors import MediaError, Reason
from app.media.limits import Limits
from app.media.process import Finished, run

CRASHES: Final = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
)


async def call(function: str, argument: object, *, limits: Limits, nice: int) -> object:
    """Call `module:function` with a value that `records.dump` takes; give its JSON answer.

    Raises the MediaError that the function raised, or one that says how the child ended;
    RuntimeError for a mistake in the function itself.
    """
    child = await run(
        [function], limits=limits, nice=nice, stdin=json.dumps(records.dump(argument)).encode()
    )
    if child.status > 0:
        raise RuntimeError(f"{function} failed:\n{child.stderr}")
    if child.status < 0:
        raise how_it_ended(child)
    answer = cast("dict[str, dict[str, str]]", json.loads(child.stdout))
    if "error" in answer:
        error = answer["error"]
        raise MediaError(Reason(error["reason"]), error["message"], error["detail"])
    return answer["result"]


def how_it_ended(child: Finished) -> MediaError:
    """Say why a child that did not finish properly ended."""
    ended_by = -child.status
    if ended_by == signal.SIGXCPU:
        return MediaError(
            Reason.TOO_EXPENSIVE, "This file takes more computing time than we allow.", child.stderr
        )
    if ended_by in CRASHES:
        return MediaError(
            Reason.DAMAGED,
            "This file is damaged: reading it failed.",
            child.stderr or str(child.status),
        )
    if ended_by == signal.SIGKILL:
        return MediaError(
            Reason.OUT_OF_MEMORY,
            "The server ran out of memory while working on this file.",
            child.stderr,
        )
    return MediaError(
        Reason.DAMAGED,
        "This file is damaged: reading it failed.",
        child.stderr[-2000:] or str(child.status),
    )
