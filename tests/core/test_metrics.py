"""The internal listener, and what it shows."""

import asyncio
import json
import re

import pytest
from prometheus_client import REGISTRY

from app.core import jobs_gauges, metrics
from app.core.db import execute
from app.core.jobs import drain, enqueue
from app.core.release import release
from tests.core import jobs_for_tests as kinds


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_the_listener_shows_what_was_counted() -> None:
    metrics.http_request("GET", route="/w/{id}", status=200, seconds=0.02)
    async with metrics.listener(0) as port:
        answer = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"text/plain" in head
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length is not None
    assert int(length[1]) == len(body)
    assert b'kinora_http_request_seconds_count{method="GET",route="/w/{id}",status="200"}' in body


async def test_a_deployment_hears_which_release_answers_and_what_it_lacks() -> None:
    async def lacks() -> dict[str, str]:
        return {"redis": "It does not answer."}

    async with metrics.listener(0) as port:
        healthy = await ask(port, b"GET /health HTTP/1.1\r\n\r\n")
    async with metrics.listener(0, lacks=lacks) as port:
        lacking = await ask(port, b"GET /health HTTP/1.1\r\n\r\n")
    assert healthy.startswith(b"HTTP/1.1 200 ")
    assert json.loads(healthy.partition(b"\r\n\r\n")[2]) == {"release": release(), "lacks": {}}
    assert lacking.startswith(b"HTTP/1.1 503 ")
    assert b"It does not answer." in lacking


@pytest.mark.parametrize(
    "request_line", [b"GET / HTTP/1.1", b"POST /metrics HTTP/1.1", b"nonsense", b""]
)
async def test_anything_else_is_not_there(request_line: bytes) -> None:
    async with metrics.listener(0) as port:
        answer = await ask(port, request_line + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")


async def test_what_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "READ_SECONDS", 0.05)
    async with metrics.listener(0) as port:
        assert await ask(port, b"GET /metrics") == b""
        assert await ask(port, b"x" * 100_000) == b""


async def test_jobs_are_counted(db_commit: None, settings_env: dict[str, str]) -> None:
    labels = {"kind": "tests.note", "lane": "default", "outcome": "done"}
    before = REGISTRY.get_sample_value("kinora_jobs_ended_total", labels) or 0
    await enqueue(kinds.note, text="")
    await drain()
    assert REGISTRY.get_sample_value("kinora_jobs_ended_total", labels) == before + 1
    await enqueue(kinds.note, text="")
    await execute("UPDATE job SET run_at = now() - interval '1 hour' WHERE state = 'queued'")
    await execute("INSERT INTO worker VALUES ('w/default', 'default', 3, '{}', now(), now())")
    await jobs_gauges.refresh(settings_env["KINORA_DATABASE__URL"], lease_seconds=30)

    def value(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(name, labels)

    assert value("kinora_jobs", lane="default", kind="tests.note", state="queued") == 1
    assert (value("kinora_jobs_oldest_ready_seconds", lane="default") or 0) >= 3600
    assert value("kinora_worker_slots", lane="default") == 3


async def test_without_a_database_there_are_no_old_numbers() -> None:
    metrics.WORKER_SLOTS.labels("default").set(7)
    await jobs_gauges.refresh("postgres://kinora@/none?host=/nowhere", lease_seconds=30)
    assert REGISTRY.get_sample_value("kinora_worker_slots", {"lane": "default"}) is None
