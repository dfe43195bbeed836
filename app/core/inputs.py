"""Reads what a request brings, its query, JSON or form, into a schema, within bounds.

Bodies are counted while they arrive, so that none is ever larger in memory than its limit; files of
a form are written to a scratch file in blocks. Names come as browsers and PeerTube's clients write
them: `tags[]=a`, `tags[0]=a`, repeated `tags=a`, `scheduleUpdate[privacy]=1`.
"""

import asyncio
import contextlib
import re
import tempfile
import types
import typing
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Annotated, Any, TypeVar, Union
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http import HttpProcessingError
from pydantic import (
    BaseModel,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from app.config import settings
from app.core.errors import InvalidError, TooLargeError
from app.core.problems import BODY, PATH, QUERY, invalid_input, one_invalid

Model = TypeVar("Model", bound=BaseModel)

#: A number that PostgreSQL's bigint can hold.
BigInt = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]

#: Bytes of a body without files; the largest real one is a video's description with its metadata.
MAX_BODY = 1 << 20
MAX_FIELDS = 1000
_BLOCK = 1 << 20
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a form, in a scratch file that is gone after the request unless it was moved."""

    filename: str
    content_type: str
    path: Path
    size: int

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Only a file that came in a form passes."""
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """How OpenAPI describes a file of a form."""
        return {"type": "string", "format": "binary"}


def read_query(request: web.Request, model: type[Model]) -> Model:
    """The query string as a model."""
    if not request.query_string:
        return validate(model, {}, location=QUERY)
    values = _gather(request.query.items(), model, location=QUERY)
    return validate(model, values, location=QUERY)


async def read_json(request: web.Request, model: type[Model], *, limit: int = MAX_BODY) -> Model:
    """The body as a model: JSON; a urlencoded form is understood too, as PeerTube does."""
    if request.content_type == "application/x-www-form-urlencoded":
        pairs = await _read_urlencoded(request, limit)
        return validate(model, _gather(pairs, model, location=BODY), location=BODY)
    raw = await read_body(request, limit)
    if b"\x00" in raw or b"\\u0000" in raw:
        raise one_invalid(BODY, "Text may not contain the character NUL", BODY)
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise invalid_input(error, BODY) from None


@contextlib.asynccontextmanager
async def read_form(
    request: web.Request, model: type[Model], *, limit: int = MAX_BODY
) -> AsyncIterator[Model]:
    """A form, urlencoded or multipart (or JSON), as a model; its files live as long as the block.

    `limit` is the bytes of the whole body, files included.
    """
    if request.content_type not in _FORMS:
        yield await read_json(request, model, limit=limit)
        return
    async with form_values(request, model, limit=limit) as values:
        yield validate(model, values, location=BODY)


@contextlib.asynccontextmanager
async def form_values(
    request: web.Request, model: type[BaseModel], *, limit: int = MAX_BODY
) -> AsyncIterator[dict[str, Any]]:
    """A form's values by field, not yet validated."""
    if request.content_type != "multipart/form-data":
        yield _gather(await _read_urlencoded(request, limit), model, location=BODY)
        return
    work = settings().storage.work / "forms"
    await asyncio.to_thread(work.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, ignore_cleanup_errors=True) as folder:
        pairs = await _read_multipart(request, Path(folder), limit)
        yield _gather(pairs, model, location=BODY)


async def read_body(request: web.Request, limit: int) -> bytes:
    """The raw body, refused as soon as it exceeds `limit` bytes."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    raw = bytearray()
    async for block in request.content.iter_any():
        raw += block
        if len(raw) > limit:
            raise _too_large(limit)
    return bytes(raw)


def validate(model: type[Model], values: dict[str, Any], *, location: str) -> Model:
    """Values of a query or a form as a model, or an InvalidInputError."""
    try:
        return model.model_validate(without_blanks(model, values))
    except ValidationError as error:
        raise invalid_input(error, location) from None


def without_blanks(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """The values, where an empty one of a field that may be None is None."""
    optional = _fields_with_none(model)
    return {
        name: None if value == "" and name in optional else value for name, value in values.items()
    }


def read_path(request: web.Request, adapters: dict[str, TypeAdapter[Any]]) -> dict[str, object]:
    """The named parts of the path, each by its type."""
    found: dict[str, object] = {}
    for name, adapter in adapters.items():
        text = request.match_info[name]
        if "\x00" in text:
            raise one_invalid(name, "Text may not contain the character NUL", PATH)
        try:
            found[name] = adapter.validate_strings(text)
        except ValidationError as error:
            message = invalid_input(error, PATH).params.popitem()[1]["msg"]
            raise one_invalid(name, message, PATH) from None
    return found


def path_adapters(hints: dict[str, Any]) -> dict[str, TypeAdapter[Any]]:
    """What `read_path` needs for a handler's type hints; a number must fit into a bigint."""
    return {name: TypeAdapter(BigInt if hint is int else hint) for name, hint in hints.items()}


async def _read_urlencoded(request: web.Request, limit: int) -> list[tuple[str, str]]:
    raw = await read_body(request, limit)
    try:
        return parse_qsl(
            raw.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError:
        raise InvalidError("The form cannot be read.") from None


async def _read_multipart(
    request: web.Request, folder: Path, limit: int
) -> list[tuple[str, str | UploadedFile]]:
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    pairs: list[tuple[str, str | UploadedFile]] = []
    left = limit
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, MultipartReader) or part.name is None or len(pairs) >= MAX_FIELDS:
                raise InvalidError("The form cannot be read.")
            value: str | UploadedFile
            if part.filename is None:
                raw = await _read_part(part, min(left, MAX_BODY))
                value, size = raw.decode(), len(raw)
            else:
                value = await _save_part(part, folder / str(len(pairs)), left)
                size = value.size
            left -= size
            pairs.append((part.name, value))
    except (ValueError, LookupError, HttpProcessingError):
        raise InvalidError("The form cannot be read.") from None
    return [pair for pair in pairs if not _is_empty_file(pair[1])]


def _is_empty_file(value: str | UploadedFile) -> bool:
    """What a browser sends for a file field where no file was chosen."""
    return isinstance(value, UploadedFile) and value.size == 0 and not value.filename


async def _read_part(part: BodyPartReader, limit: int) -> bytes:
    raw = bytearray()
    while block := await part.read_chunk():
        raw += block
        if len(raw) > limit:
            raise _too_large(limit)
    return bytes(raw)


async def _save_part(part: BodyPartReader, path: Path, limit: int) -> UploadedFile:
    size, waiting = 0, bytearray()
    file: IO[bytes] = await asyncio.to_thread(path.open, "wb")
    try:
        while block := await part.read_chunk(1 << 16):
            size += len(block)
            if size > limit:
                raise _too_large(limit)
            waiting += block
            if len(waiting) >= _BLOCK:
                await asyncio.to_thread(file.write, waiting)
                waiting = bytearray()
        await asyncio.to_thread(file.write, waiting)
    finally:
        await asyncio.to_thread(file.close)
    kind = part.headers.get("Content-Type", "application/octet-stream").partition(";")[0]
    return UploadedFile(part.filename or "", kind.strip().lower(), path, size)


def _gather(
    pairs: Iterable[tuple[str, Any]], model: type[BaseModel], *, location: str
) -> dict[str, Any]:
    """Pairs as they came → values by field: lists for list fields, one level of objects."""
    lists = _list_fields(model)
    values: dict[str, Any] = {}
    for written, value in pairs:
        name, _, rest = written.partition("[")
        if isinstance(value, str) and "\x00" in value:
            raise one_invalid(name, "Text may not contain the character NUL", location)
        keys = _BRACKETS.findall("[" + rest) if rest else []
        if name in lists:
            values.setdefault(name, []).append(value)
        elif keys and not keys[0].isdigit() and keys[0]:
            nested = values.setdefault(name, {})
            if isinstance(nested, dict):
                nested[keys[0]] = value
        else:
            values[name] = value
    return values


@cache
def _list_fields(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        spelling
        for name, info in model.model_fields.items()
        if _mentions(info.annotation, (list, set, tuple, frozenset))
        for spelling in (name, info.alias or name)
    )


@cache
def _fields_with_none(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        spelling
        for name, info in model.model_fields.items()
        if _mentions(info.annotation, (type(None),))
        for spelling in (name, info.alias or name)
    )


def _mentions(annotation: object, wanted: tuple[type, ...]) -> bool:
    """Whether a type is one of `wanted`, or a union with one."""
    origin = typing.get_origin(annotation) or annotation
    if origin in wanted:
        return True
    if origin in (Union, types.UnionType, typing.Annotated):
        return any(_mentions(part, wanted) for part in typing.get_args(annotation))
    return False


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The request is larger than the {limit} bytes that are accepted here.")
