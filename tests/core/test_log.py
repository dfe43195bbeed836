"""One line an event, with what is known about its request or job."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, logging, structlog
from app.core import log
log.configure("web")
structlog.contextvars.bind_contextvars(request_id="r1")
structlog.get_logger("app.somewhere").info("hello", number=7)
logging.getLogger("asyncpg").warning("from the %s", "library", extra={"more": 1})
logging.getLogger("arq.worker").info("far too much")
structlog.get_logger("app").debug("not asked for")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("app").exception("failed")
raise LookupError("the end")
"""


def lines(log_format: str) -> list[str]:
    environment = os.environ | {"KINORA_LOG__FORMAT": log_format, "KINORA_LOG__LEVEL": "info"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_json_is_one_object_a_line() -> None:
    events = [json.loads(line) for line in lines("json")]
    assert [event["event"] for event in events] == [
        "hello",
        "from the library",
        "failed",
        "the process failed",
    ]
    first, library, failed, end = events
    assert {"number": 7, "level": "info", "request_id": "r1", "process": "web"}.items() <= (
        first.items()
    )
    assert first["timestamp"].endswith("Z")
    assert {"level": "warning", "request_id": "r1", "more": 1}.items() <= library.items()
    assert "ZeroDivisionError" in failed["exception"]
    assert "LookupError: the end" in end["exception"]
    assert end["level"] == "critical"


def test_text_is_for_people() -> None:
    text = "\n".join(lines("text"))
    assert "hello" in text
    assert "number=7" in text
    assert "\x1b" not in text  # no colours where nobody looks
    assert "far too much" not in text
