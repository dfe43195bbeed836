"""Kinds of jobs that the tests of jobs run, in this process and in workers of their own."""

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import Any

from app.core.db import execute, fetchval
from app.core.jobs import Fatal, JobContext, Lane, Retry, job

#: What ran in this process: kind → payloads, in order.
ran: defaultdict[str, list[Any]] = defaultdict(list)
#: Jobs that wait for a test: they started, and go on when the test lets them.
started: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
cut_off: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)


def forget() -> None:
    """Start anew."""
    for record in (ran, started, released, cut_off):
        record.clear()


@job("tests.note")
async def note(ctx: JobContext, *, text: str) -> None:
    """Say that it ran."""
    ran["note"].append(text)
    await ctx.progress(0.5)


@job("tests.federate", lane=Lane.FEDERATION)
async def federate(_ctx: JobContext) -> None:
    """A job of another lane."""
    ran["federate"].append(None)


@job("tests.encode", lane=Lane.TRANSCODE, owner_slots=2)
async def encode(_ctx: JobContext, *, name: str) -> None:
    """A job that takes a slot until the test releases it."""
    ran["encode"].append(name)
    started[name].set()
    try:
        await released[name].wait()
    except asyncio.CancelledError:
        cut_off[name].set()
        raise


@job("tests.stubborn", lane=Lane.TRANSCODE)
async def stubborn(_ctx: JobContext) -> None:
    """Swallows a cancel, as Python 3.11's `wait_for` may; the second one ends it."""
    try:
        started["stubborn"].set()
        await released["stubborn"].wait()
    except asyncio.CancelledError:
        await released["stubborn"].wait()


@job("tests.effect", max_attempts=20)
async def effect(ctx: JobContext, *, name: str, fail: bool = False) -> None:
    """Its effect is a row, made in the transaction that ends it."""
    async with ctx.finish():
        await execute("INSERT INTO tick (name, due_at) VALUES ($1, now())", name)
        if fail:
            raise LookupError("after the effect, before the end")


@job("tests.chaos", max_attempts=1000)
async def chaos(ctx: JobContext, *, name: str, seconds: float) -> None:
    """Takes a while; its effect is a row in a table that nothing keeps from having it twice."""
    await asyncio.sleep(seconds)
    async with ctx.finish():
        await execute("INSERT INTO effect (name) VALUES ($1)", name)


async def buried(payload: dict[str, Any], error: str) -> None:
    """Tell the test, and the database, that a job is dead."""
    ran["buried"].append((payload, error))
    if await fetchval("SELECT true FROM tick WHERE name = 'no burial'"):
        raise LookupError("the burial failed")
    await execute("INSERT INTO tick VALUES ('buried', now()) ON CONFLICT DO NOTHING")


@job("tests.fail", max_attempts=2, on_dead=buried)
async def fail(_ctx: JobContext, *, how: str) -> None:
    """Fails in the way that it is told."""
    ran["fail"].append(how)
    if how == "retry":
        raise Retry(timedelta(minutes=7))
    if how == "fatal":
        raise Fatal("The file has no picture.", code="no_video")
    raise ValueError("broken\0 by design")


@job("tests.slow", timeout=timedelta(seconds=0.05))
async def slow(_ctx: JobContext) -> None:
    """Takes longer than it may."""
    await asyncio.Event().wait()
