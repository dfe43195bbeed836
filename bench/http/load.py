"""Asks one web process as often as it can answer, by wrk or else by a small loop of our own."""

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16

#: wrk asks for the paths in turn, from as many addresses as a busy site sees, so that the
#: rate limit counts as it does there and never refuses.
_TURNS = """
local paths, at = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function()
    at = at %% #paths + 1
    local from = string.format("10.0.%%d.%%d", math.random(0, 255), math.random(0, 255))
    return wrk.format("GET", paths[at], {["X-Forwarded-For"] = from})
end
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """How many requests were answered, how many of them not with 2xx, in how many seconds."""

    requests: int
    failed: int
    seconds: float


def ask(port: int, paths: Sequence[str], *, seconds: int) -> Answers:
    """Ask for the paths in turn, over 16 connections."""
    if shutil.which("wrk") is None:
        return asyncio.run(_ask_by_hand(port, paths, seconds))
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder) / "paths", Path(folder) / "turns.lua"
        listed.write_text("\n".join(paths) + "\n")
        script.write_text(_TURNS % listed)
        address = f"http://127.0.0.1:{port}/"
        told = subprocess.run(
            f"wrk -t1 -c{CONNECTIONS} -d{seconds}s --timeout 30s -s {script} {address}".split(),
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    done = re.search(r"(\d+) requests in ([\d.]+)s", told)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    if done is None:
        raise RuntimeError(f"wrk told nothing:\n{told}")
    return Answers(int(done[1]), int(failed[1]) if failed else 0, float(done[2]))


async def _ask_by_hand(port: int, paths: Sequence[str], seconds: int) -> Answers:
    began, statuses = time.monotonic(), list[int]()

    async def keep_asking(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = first
        while time.monotonic() < began + seconds:
            at = (at + CONNECTIONS) % len(paths)
            visitor = f"X-Forwarded-For: 10.0.{len(statuses) // 256 % 256}.{len(statuses) % 256}"
            writer.write(f"GET {paths[at]} HTTP/1.1\r\nHost: bench\r\n{visitor}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            statuses.append(int(head.split(" ", 2)[1]))
        writer.close()

    await asyncio.gather(*(keep_asking(number) for number in range(CONNECTIONS)))
    failed = sum(not 200 <= status < 300 for status in statuses)
    return Answers(len(statuses), failed, time.monotonic() - began)
