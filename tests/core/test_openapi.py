"""The document itself; `tests/contract/test_openapi.py` holds the server to it."""

from typing import Any

import pytest
from aiohttp import web
from openapi_spec_validator import validate

from app.core.api import Access, Api, ListQuery, Page, Schema, UploadedFile, page
from app.core.openapi import document_api, openapi
from app.main import APIS
from tests.core.conftest import Configure
from tests.core.small_site import serving

api = Api(tag="Things")


class Thing(Schema):
    display_name: str


class Filter(ListQuery):
    tags_one_of: list[str] | None = None
    nsfw: str


class Picture(Schema):
    avatarfile: UploadedFile


@api.get("/things/{number}")
async def get_thing(_: web.Request, number: int) -> Thing:
    """Gives a thing.

    And more about it.
    """
    return Thing(display_name=str(number))


@api.get("/things")
async def list_things(_: web.Request, query: Filter) -> Page[Thing]:
    """Lists things."""
    return page(0, [])


@api.post("/things", access=Access.USER, status=201)
async def add_thing(_: web.Request, body: Thing) -> Thing:
    """Adds a thing."""
    return body


@api.delete("/things/{name:[a-z]{2,4}}", access=Access.MODERATOR)
async def delete_thing(_: web.Request, name: str) -> None:
    """Deletes a thing."""


@api.post("/things/picture")
async def set_picture(_: web.Request, form: Picture) -> None:
    """Sets its picture."""


@api.get("/hot", returns=Page[Thing])
async def hot(_: web.Request) -> bytes:
    """Gives bytes."""
    return b""


@pytest.fixture
def document(bare: Configure) -> dict[str, Any]:
    return openapi(api.endpoints)


def test_it_is_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_an_operation(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/v1/things/{number}"]["get"]
    assert operation["operationId"] == "get_thing"
    assert operation["summary"] == "Gives a thing."
    assert operation["description"] == "And more about it."
    assert operation["tags"] == ["Things"]
    assert operation["parameters"][0]["name"] == "number"
    assert operation["parameters"][0]["schema"]["maximum"] == 2**63 - 1
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Thing"}
    assert {"400", "404", "429"} <= operation["responses"].keys()
    assert "security" not in operation


def test_the_fields_of_a_query(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/v1/things"]["get"]
    fields = {each["name"]: each for each in operation["parameters"]}
    assert fields.keys() == {"start", "count", "sort", "tagsOneOf", "nsfw"}
    assert fields["nsfw"]["required"]
    assert not fields["start"]["required"]
    assert fields["count"]["schema"]["maximum"] == 100


def test_bodies_and_forms(document: dict[str, Any]) -> None:
    body = document["paths"]["/api/v1/things"]["post"]["requestBody"]["content"]
    assert body == {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    form = document["paths"]["/api/v1/things/picture"]["post"]["requestBody"]["content"]
    assert "multipart/form-data" in form
    picture = document["components"]["schemas"]["Picture"]["properties"]["avatarfile"]
    assert picture["format"] == "binary"


def test_status_and_access(document: dict[str, Any]) -> None:
    added = document["paths"]["/api/v1/things"]["post"]
    assert "201" in added["responses"]
    assert added["security"] == [{"OAuth2": []}]
    deleted = document["paths"]["/api/v1/things/{name}"]["delete"]
    assert deleted["responses"]["204"] == {"description": "Done"}
    assert {"401", "403"} <= deleted["responses"].keys()


def test_a_handler_of_bytes_says_what_they_are(document: dict[str, Any]) -> None:
    good = document["paths"]["/api/v1/hot"]["get"]["responses"]["200"]
    assert good["content"]["application/json"]["schema"]["$ref"].endswith("Page_Thing_")


async def test_it_is_served(bare: Configure) -> None:
    async with serving(api, document_api([api])) as client:
        found = await (await client.get("/api/v1/openapi.json")).json()
    assert found["paths"].keys() >= {"/api/v1/things", "/api/v1/hot"}
    assert found["openapi"].startswith("3.1")


def test_ours_is_openapi_and_every_operation_says_what_it_does(bare: Configure) -> None:
    document = openapi([endpoint for each in APIS for endpoint in each.endpoints])
    validate(document)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation["summary"].endswith(".") for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert sorted(names) == sorted(set(names)), "two operations of one name"
