import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Annotated
from uuid import UUID

import pytest
from aiohttp import FormData, web
from pydantic import Field, field_validator

from app.config import settings
from app.core.api import (
    Access,
    Api,
    ListQuery,
    Page,
    Schema,
    Timestamp,
    UploadedFile,
    page,
)
from app.core.auth import current_actor
from app.core.errors import ConflictError, InvalidError
from app.core.inputs import MAX_BODY
from tests.core.conftest import Configure
from tests.core.small_site import Client, bearer, serving

api = Api(tag="Test")
MOMENT = datetime(2026, 11, 22, 21, 15, 3, 456789, timezone(timedelta(hours=1)))


class Thing(Schema):
    display_name: Annotated[str, Field(min_length=2, max_length=10)]
    size: int = 0
    tags: list[str] | None = None
    created_at: Timestamp = MOMENT


class Filter(ListQuery):
    category_one_of: list[int] | None = None
    is_live: bool | None = None


class Upload(Schema):
    name: str
    tags: list[str] = Field(default_factory=list)
    privacy: int | None = None
    schedule_update: dict[str, str] | None = None
    file: UploadedFile | None = None


class Strict(Schema):
    word: str

    @field_validator("word")
    @classmethod
    def not_bad(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("This word is bad")
        return value


@api.get("/things/{number}")
async def get_thing(_: web.Request, number: int) -> Thing:
    """Gives a thing.

    With more about it.
    """
    return Thing(display_name="thing", size=number)


@api.get("/by-uuid/{uuid}")
async def get_by_uuid(_: web.Request, uuid: UUID) -> dict[str, str]:
    return {"uuid": str(uuid)}


@api.get("/things")
async def list_things(_: web.Request, query: Filter) -> Page[Thing]:
    return page(query.start, [Thing(display_name=str(query.category_one_of), size=query.count)])


@api.post("/things", status=201)
async def add_thing(_: web.Request, body: Thing) -> Thing:
    return body


@api.put("/strict")
async def put_strict(_: web.Request, body: Strict) -> None:
    pass


@api.post("/forms", max_body=2_000_000)
async def take_form(_: web.Request, form: Upload) -> dict[str, object]:
    file = form.file
    return {
        "name": form.name,
        "tags": form.tags,
        "privacy": form.privacy,
        "schedule": form.schedule_update,
        "file": file and [file.filename, file.content_type, file.size, str(file.path)],
        "content": file and (await asyncio.to_thread(file.path.read_bytes))[:10].decode(),
    }


@api.get("/hot")
async def hot(_: web.Request) -> bytes:
    return b'{"total":0,"data":[]}'


@api.get("/mine", access=Access.USER)
async def mine(request: web.Request, query: Filter) -> dict[str, object]:
    actor = await current_actor(request)
    return {"name": actor.username if actor else None, "count": query.count}


@api.delete("/all", access=Access.ADMINISTRATOR)
async def delete_all(_: web.Request) -> None:
    pass


@api.post("/conflict")
async def conflict(_: web.Request) -> None:
    raise ConflictError("It is there already.", code="there", field="displayName")


@api.get("//absolute")
async def absolute(_: web.Request) -> web.Response:
    return web.Response(text="here")


@pytest.fixture
async def client(bare: Configure) -> AsyncIterator[Client]:
    async with serving(api) as site:
        yield site


async def test_a_result_is_json_in_camel_case(client: Client) -> None:
    answer = await client.get("/api/v1/things/5")
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert await answer.json() == {
        "displayName": "thing",
        "size": 5,
        "tags": None,
        "createdAt": "2026-11-22T20:15:03.456Z",
    }


async def test_none_is_204_and_bytes_are_sent_as_they_are(client: Client) -> None:
    answer = await client.put("/api/v1/strict", json={"word": "good"})
    assert (answer.status, await answer.read()) == (204, b"")
    answer = await client.get("/api/v1/hot")
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert await answer.json() == {"total": 0, "data": []}


async def test_status_and_absolute_paths(client: Client) -> None:
    answer = await client.post("/api/v1/things", json={"displayName": "new", "unknown": 1})
    assert answer.status == 201
    assert (await answer.json())["displayName"] == "new"
    assert await (await client.get("/absolute")).text() == "here"


async def test_head_is_answered_where_get_is(client: Client) -> None:
    answer = await client.head("/api/v1/things/5")
    assert answer.status == 200
    assert await answer.read() == b""


@pytest.mark.parametrize(
    "query",
    [
        "categoryOneOf=1&categoryOneOf=2",
        "categoryOneOf[]=1&categoryOneOf[]=2",
        "categoryOneOf[0]=1&categoryOneOf[1]=2",
        "category_one_of=1&category_one_of=2",
    ],
)
async def test_a_list_in_a_query_in_every_spelling(client: Client, query: str) -> None:
    answer = await client.get(f"/api/v1/things?start=3&count=7&{query}")
    found = await answer.json()
    assert found["total"] == 3
    assert (found["data"][0]["displayName"], found["data"][0]["size"]) == ("[1, 2]", 7)


async def test_the_problem_of_a_bad_query(client: Client) -> None:
    answer = await client.get("/api/v1/things?start=-1&count=101&sort=")
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"
    problem = await answer.json()
    assert problem["invalid-params"].keys() == {"start", "count"}
    assert problem["invalid-params"]["count"] == {
        "msg": "Input should be less than or equal to 100",
        "location": "query",
        "path": "count",
    }
    assert problem == {
        "type": "about:blank",
        "title": "Bad Request",
        "detail": "Incorrect request parameters: start, count",
        "status": 400,
        "requestId": answer.headers["X-Request-Id"],
        "invalid-params": problem["invalid-params"],
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/things/five", "number"),
        ("/api/v1/things/9223372036854775808", "number"),
        ("/api/v1/things/1e3", "number"),
        ("/api/v1/by-uuid/12", "uuid"),
        ("/api/v1/by-uuid/%00", "uuid"),
    ],
)
async def test_a_bad_part_of_the_path_is_named(client: Client, path: str, name: str) -> None:
    answer = await client.get(path)
    assert answer.status == 400
    found = (await answer.json())["invalid-params"]
    assert found.keys() == {name}
    assert found[name]["location"] == "params"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b"null",
        b'{"displayName": "x"}',
        b'{"displayName": "a\\u0000b"}',
        b'{"displayName": "ab", "size": "many"}',
        b'{"displayName": "\\ud800\\ud800"}',
        b'{"displayName": "ab", "createdAt": "yesterday"}',
        b'\xff\xfe{"displayName": "ab"}',
        b"[" * 50_000,
    ],
)
async def test_a_bad_body_is_the_askers_fault(client: Client, body: bytes) -> None:
    answer = await client.post("/api/v1/things", data=body)
    assert answer.status == 400
    found = await answer.json()
    assert found["detail"].startswith("Incorrect request parameters: ")
    assert all(each["location"] == "body" for each in found["invalid-params"].values())


async def test_a_rule_of_our_own_speaks_for_itself(client: Client) -> None:
    answer = await client.put("/api/v1/strict", json={"word": "bad"})
    assert (await answer.json())["invalid-params"]["word"]["msg"] == "This word is bad"


async def test_a_body_may_be_a_form_as_peertube_takes_it(client: Client) -> None:
    answer = await client.post("/api/v1/things", data={"displayName": "new", "tags[]": "a"})
    assert answer.status == 201
    assert (await answer.json())["tags"] == ["a"]


async def test_an_error_of_a_service_names_its_field(client: Client) -> None:
    answer = await client.post("/api/v1/conflict")
    assert answer.status == 409
    problem = await answer.json()
    assert problem["code"] == "there"
    assert problem["detail"] == "It is there already."
    assert problem["invalid-params"]["displayName"]["msg"] == "It is there already."


async def test_access_is_checked_before_anything_else(client: Client) -> None:
    answer = await client.get("/api/v1/mine?count=1000")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    answer = await client.get("/api/v1/mine?count=1000", headers=bearer("user"))
    assert answer.status == 400
    answer = await client.get("/api/v1/mine?count=10", headers=bearer("user"))
    assert await answer.json() == {"name": "ada", "count": 10}
    answer = await client.get("/api/v1/mine", headers=bearer("gone"))
    assert (answer.status, (await answer.json())["code"]) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("token", "status"), [("user", 403), ("moderator", 403), ("administrator", 204)]
)
async def test_roles(client: Client, token: str, status: int) -> None:
    assert (await client.delete("/api/v1/all", headers=bearer(token))).status == status


def upload(content: bytes, fields: Mapping[str, str] = MappingProxyType({})) -> FormData:
    form = FormData()
    for name, value in ({"name": "film"} | dict(fields)).items():
        form.add_field(name, value)
    form.add_field("file", io.BytesIO(content), filename="cat.jpg", content_type="image/jpeg")
    return form


async def test_a_multipart_form_with_a_file(client: Client) -> None:
    fields = {"tags[0]": "a", "tags[1]": "b", "privacy": "", "scheduleUpdate[privacy]": "1"}
    form = upload(b"0123456789abc", fields)
    answer = await client.post("/api/v1/forms", data=form)
    found = await answer.json()
    assert answer.status == 200
    *described, path = found.pop("file")
    assert described == ["cat.jpg", "image/jpeg", 13]
    assert not Path(path).exists(), "the scratch file outlived its request"
    assert found == {
        "name": "film",
        "tags": ["a", "b"],
        "privacy": None,
        "schedule": {"privacy": "1"},
        "content": "0123456789",
    }


async def test_a_form_without_a_file(client: Client) -> None:
    answer = await client.post("/api/v1/forms", data={"name": "film", "tags[]": "a"})
    assert (await answer.json())["tags"] == ["a"]
    form = FormData({"name": "film"})
    form.add_field("file", b"", filename="", content_type="application/octet-stream")
    assert (await (await client.post("/api/v1/forms", data=form)).json())["file"] is None
    answer = await client.post("/api/v1/forms", json={"name": "film", "tags": ["b"]})
    assert (await answer.json())["tags"] == ["b"]


async def test_text_is_no_file(client: Client) -> None:
    answer = await client.post("/api/v1/forms", data={"name": "film", "file": "text"})
    assert (await answer.json())["invalid-params"].keys() == {"file"}


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_too_large_is_refused_and_leaves_nothing(
    client: Client, chunked: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    body = chunks() if chunked else io.BytesIO(b"x" * (MAX_BODY + 1))
    answer = await client.post("/api/v1/things", data=body)
    assert answer.status == 413
    assert (await answer.json())["title"] == HTTPStatus(413).phrase
    answer = await client.post("/api/v1/forms", data=upload(b"x" * 2_000_001))
    assert answer.status == 413
    assert list((settings().storage.work / "forms").iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\xfe\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nends in the mid',
        ),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--\r\n",
        ),
        ("application/x-www-form-urlencoded", b"name=%ff"),
        ("application/x-www-form-urlencoded", b"name=a%00b"),
        ("application/x-www-form-urlencoded", b"&".join(b"tags=a" for _ in range(2000))),
    ],
)
async def test_a_form_that_cannot_be_read(client: Client, kind: str, body: bytes) -> None:
    answer = await client.post("/api/v1/forms", data=body, headers={"Content-Type": kind})
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"


def test_page_is_peertubes_envelope() -> None:
    made = page(12, [Thing(display_name="ab", created_at=datetime(2026, 1, 2, tzinfo=UTC))])
    assert json.loads(made.model_dump_json(by_alias=True)) == {
        "total": 12,
        "data": [
            {"displayName": "ab", "size": 0, "tags": None, "createdAt": "2026-01-02T00:00:00.000Z"}
        ],
    }


def test_an_error_needs_a_sentence() -> None:
    error = InvalidError("The name is taken.", field="name", headers={"X": "y"})
    assert (error.status, str(error), error.headers) == (400, "The name is taken.", {"X": "y"})
