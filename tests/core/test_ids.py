"""Identifiers: uuids that sort by time, and their short form."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import SHORT_LENGTH, new_uuid, parse_uuid, short


@given(st.uuids())
def test_the_short_form_comes_back(uuid: UUID) -> None:
    assert len(short(uuid)) == SHORT_LENGTH
    assert parse_uuid(short(uuid)) == uuid
    assert parse_uuid(str(uuid)) == uuid


@pytest.mark.parametrize(
    ("uuid", "expected"),
    [
        (UUID(int=0), "1" * 22),
        (UUID(int=57), "1" * 21 + "Z"),
        (UUID(int=58), "1" * 20 + "21"),
        # an example of PeerTube's documentation
        (UUID("9c9de5e8-0a1e-484a-b099-e80766180a6d"), "kkGMgK9ZtnKfYAgnEtQxbv"),
    ],
)
def test_known_short_forms(uuid: UUID, expected: str) -> None:
    assert short(uuid) == expected


@given(st.text())
def test_other_text_is_no_uuid_or_is_one(text: str) -> None:
    found = parse_uuid(text)
    assert found is None or isinstance(found, UUID)


@pytest.mark.parametrize("text", ["", "Z" * 22, "0" * 22, "x" * 36, "1" * 21])
def test_what_is_none(text: str) -> None:
    assert parse_uuid(text) is None


def test_new_ones_sort_by_time() -> None:
    made = new_uuid()
    assert made.version == 7
    assert made != uuid4()
    assert made.int >> 80 <= new_uuid().int >> 80
