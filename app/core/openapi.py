"""OpenAPI 3.1 of our own operations, made from what `app.core.api` knows about them."""

import inspect
import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field, TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from pydantic_core import to_json

from app import __version__
from app.config import settings
from app.core.api import Access, Api, Endpoint
from app.core.inputs import path_adapters

Json = dict[str, Any]
Key = tuple[str, str]

_REGEX_IN_PATH = re.compile(r"\{(\w+):[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_REFERENCE = "#/components/schemas/{model}"


class InvalidParam(BaseModel):
    """What is wrong with one input."""

    msg: str
    location: str
    path: str


class Problem(BaseModel):
    """An error (RFC 7807)."""

    type: str
    title: str
    detail: str
    status: int
    code: str | None = None
    requestId: str  # noqa: N815 - the name outside
    invalid_params: dict[str, InvalidParam] | None = Field(None, alias="invalid-params")


def openapi(endpoints: Sequence[Endpoint]) -> Json:
    """The document."""
    wanted: list[tuple[Key, JsonSchemaMode, TypeAdapter[Any]]] = []
    for number, endpoint in enumerate(endpoints):
        models = {"query": endpoint.query, "body": endpoint.body, "form": endpoint.form}
        wanted += [
            ((str(number), part), "validation", TypeAdapter(model))
            for part, model in models.items()
            if model is not None
        ]
        if endpoint.returns is not None:
            key: Key = (str(number), "returns")
            wanted.append((key, "serialization", TypeAdapter(endpoint.returns)))
    wanted.append((("problem", "returns"), "serialization", TypeAdapter(Problem)))
    schemas, shared = TypeAdapter.json_schemas(wanted, ref_template=_REFERENCE)
    components: Json = shared.get("$defs", {})
    by_key = {key: schema for (key, _), schema in schemas.items()}
    paths: Json = {}
    for number, endpoint in enumerate(endpoints):
        found = {part: by_key.get((str(number), part)) for part in _PARTS}
        path = _REGEX_IN_PATH.sub(r"{\1}", endpoint.path)
        operation = _operation(endpoint, found, components)
        operation["responses"] |= _problems(endpoint, by_key["problem", "returns"])
        paths.setdefault(path, {})[endpoint.method.lower()] = operation
    site = settings().site
    return {
        "openapi": "3.1.0",
        "info": {"title": site.name, "version": __version__},
        "servers": [{"url": site.public_url}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "OAuth2": {
                    "type": "oauth2",
                    "flows": {"password": {"tokenUrl": "/api/v1/users/token", "scopes": {}}},
                }
            },
        },
    }


def document_api(apis: Sequence[Api]) -> Api:
    """The operation that gives the document, made once at the first call."""
    api = Api(tag="OpenAPI")
    made: list[bytes] = []

    @api.get("/openapi.json")
    async def get_openapi(request: web.Request) -> bytes:
        """This document."""
        if not made:
            made.append(to_json(openapi([each for api in apis for each in api.endpoints])))
        return made[0]

    return api


_PARTS = ("query", "body", "form", "returns")


def _operation(endpoint: Endpoint, schemas: dict[str, Json | None], components: Json) -> Json:
    summary, _, description = (inspect.getdoc(endpoint.handler) or "").partition("\n")
    operation: Json = {
        "operationId": endpoint.handler.__name__,
        "summary": summary,
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint, schemas["query"], components),
        "responses": {str(endpoint.status): _success(schemas["returns"])},
    }
    if description.strip():
        operation["description"] = description.strip()
    if content := _content(schemas):
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.access is not Access.PUBLIC:
        operation["security"] = [{"OAuth2": []}]
    return operation


def _parameters(endpoint: Endpoint, query: Json | None, components: Json) -> list[Json]:
    parameters: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": adapter.json_schema(),
        }
        for name, adapter in path_adapters(endpoint.path_arguments).items()
    ]
    model = _resolve(query, components) if query else {}
    required = model.get("required", [])
    parameters += [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in model.get("properties", {}).items()
    ]
    return parameters


def _resolve(schema: Json, components: Json) -> Json:
    if reference := schema.get("$ref"):
        resolved: Json = components[reference.rpartition("/")[2]]
        return resolved
    return schema


def _content(schemas: dict[str, Json | None]) -> Json:
    if (body := schemas["body"]) is not None:
        return {"application/json": {"schema": body}}
    if (form := schemas["form"]) is not None:
        return {
            kind: {"schema": form}
            for kind in (
                "application/x-www-form-urlencoded",
                "multipart/form-data",
            )
        }
    return {}


def _success(returns: Json | None) -> Json:
    good: Json = {"description": "Done"}
    if returns is not None:
        good["content"] = {"application/json": {"schema": returns}}
    return good


def _problems(endpoint: Endpoint, schema: Json) -> Json:
    problems = {"400": "Something in the request is wrong", "429": "Too many requests"}
    if endpoint.access is not Access.PUBLIC:
        problems |= {"401": "Nobody is logged in", "403": "The role does not allow it"}
    if endpoint.path_arguments:
        problems["404"] = "There is no such thing"
    content = {"application/problem+json": {"schema": schema}}
    return {status: {"description": text, "content": content} for status, text in problems.items()}
