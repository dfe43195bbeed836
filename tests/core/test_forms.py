from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
from aiohttp import FormData, web
from pydantic import Field, field_validator

from app.core.api import Schema, UploadedFile
from app.core.errors import ConflictError
from app.core.forms import FormErrors, read_form, refused
from app.core.i18n import speak
from app.core.pages import Pages
from tests.core.conftest import Configure
from tests.core.small_site import Client, serving

pages = Pages()
seen: list[Any] = []


class Colour(StrEnum):
    RED = "red"


class Profile(Schema):
    display_name: Annotated[str, Field(min_length=2, max_length=5)]
    age: Annotated[int, Field(ge=1, le=150)] | None = None
    colour: Colour = Colour.RED
    tags: list[str] = Field(default_factory=list)
    subscribed: bool = False
    picture: UploadedFile | None = None

    @field_validator("display_name")
    @classmethod
    def not_taken(cls, value: str) -> str:
        if value == "root":
            raise ValueError("This name is taken.")
        return value


@pages.post("/profile")
async def save(request: web.Request) -> web.Response:
    form = await read_form(request, Profile, limit=100_000)
    picture = form.picture if isinstance(form, Profile) else None
    seen[:] = [form, picture.path.read_bytes() if picture else b""]
    return web.Response(status=422 if isinstance(form, FormErrors) else 200)


@pytest.fixture
async def client(bare: Configure) -> AsyncIterator[Client]:
    speak("en")
    async with serving(pages) as site:
        yield site


async def sent(client: Client, data: object) -> Any:
    answer = await client.post("/profile", data=data)
    assert answer.status in (200, 422)
    return seen[0]


async def test_a_good_form(client: Client) -> None:
    form = await sent(client, {"display_name": "Ada", "age": "", "subscribed": "true", "tags": "a"})
    assert form == Profile(display_name="Ada", subscribed=True, tags=["a"])


async def test_both_spellings_of_a_name(client: Client) -> None:
    assert (await sent(client, {"displayName": "Ada"})).display_name == "Ada"


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({}, "display_name", "Please fill this in."),
        ({"display_name": "A"}, "display_name", "At least 2 characters, please."),
        ({"display_name": "Augusta"}, "display_name", "No more than 5 characters, please."),
        ({"display_name": "root"}, "display_name", "This name is taken."),
        ({"displayName": "root"}, "display_name", "This name is taken."),
        ({"display_name": "Ada", "age": "x"}, "age", "A whole number, please."),
        ({"display_name": "Ada", "age": "0"}, "age", "This is too small; the least is 1."),
        ({"display_name": "Ada", "age": "151"}, "age", "This is too large; the most is 150."),
        ({"display_name": "Ada", "colour": "blue"}, "colour", "Please choose one of the list."),
        (
            {"display_name": "Ada", "subscribed": "?"},
            "subscribed",
            "This is not in the right form.",
        ),
    ],
)
async def test_a_bad_field_gets_a_message_and_what_was_typed_stays(
    client: Client, values: dict[str, str], field: str, message: str
) -> None:
    form = await sent(client, values)
    assert isinstance(form, FormErrors)
    assert form.errors == {field: message}
    assert form.message is None
    assert form.values == {
        "display_name" if name == "displayName" else name: value for name, value in values.items()
    }


async def test_messages_are_translated(client: Client) -> None:
    answer = await client.post("/profile", data={}, headers={"Accept-Language": "de"})
    assert answer.status == 422
    assert seen[0].errors["display_name"] == "Bitte ausfüllen."


async def test_a_file_lives_as_long_as_the_request(client: Client) -> None:
    data = FormData({"display_name": "Ada"})
    data.add_field("picture", b"pixels", filename="me.png", content_type="image/png")
    form = await sent(client, data)
    assert seen[1] == b"pixels"
    assert isinstance(form.picture.path, Path)
    assert not form.picture.path.exists()


async def test_files_are_not_among_what_was_typed(client: Client) -> None:
    data = FormData({"display_name": "A"})
    data.add_field("picture", b"pixels", filename="me.png", content_type="image/png")
    form = await sent(client, data)
    assert form.values == {"display_name": "A"}


async def test_a_form_that_is_too_large(client: Client) -> None:
    answer = await client.post("/profile", data={"display_name": "A" * 100_001})
    assert answer.status == 413


def test_a_service_refuses_a_field_or_the_whole(bare: Configure) -> None:
    speak("en")
    form = Profile(display_name="Ada", age=5)
    named = refused(ConflictError("Taken.", field="displayName"), form)
    assert named.errors == {"display_name": "Taken."}
    assert (named.values["display_name"], named.values["age"]) == ("Ada", 5)
    whole = refused(ConflictError("Not now."), form)
    assert (whole.errors, whole.message) == ({}, "Not now.")
