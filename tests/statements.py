"""Counts the SQL statements that a block sends, so that no list asks once a row."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import pytest
from asyncpg.connection import Connection

#: How a transaction is framed and a connection is given back to the pool.
_FREE = (
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "SELECT PG_ADVISORY_UNLOCK_ALL",
)
_METHODS = ("execute", "executemany", "fetch", "fetchrow", "fetchval")


@dataclass
class StatementCounter:
    """The statements so far."""

    statements: list[str] = field(default_factory=list)


@contextlib.contextmanager
def counted_statements(limit: int) -> Iterator[StatementCounter]:
    """Fail at the end of the block when more than `limit` statements were sent by this process."""
    counter = StatementCounter()
    with pytest.MonkeyPatch.context() as patch:
        for name in _METHODS:
            patch.setattr(Connection, name, _recording(getattr(Connection, name), counter))
        yield counter
    if len(counter.statements) > limit:
        listed = "\n".join(f"  {number}. {sql}" for number, sql in enumerate(counter.statements, 1))
        pytest.fail(f"{len(counter.statements)} statements, at most {limit} are allowed:\n{listed}")


def _recording(method: Any, counter: StatementCounter) -> Any:
    @wraps(method)
    async def record(self: Connection, query: str, *arguments: Any, **options: Any) -> Any:
        if not query.lstrip().upper().startswith(_FREE):
            counter.statements.append(" ".join(query.split()))
        return await method(self, query, *arguments, **options)

    return record
