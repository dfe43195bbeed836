"""Forms of pages: what was typed as a model, or as messages beside its fields to show it again."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.core import inputs
from app.core.errors import AppError
from app.core.i18n import gettext, ngettext

Model = TypeVar("Model", bound=BaseModel)

#: What is open until the request has been answered: the scratch files of its form.
OPEN_FORMS = web.RequestKey("open_forms", AsyncExitStack)


@dataclass(frozen=True)
class FormErrors:
    """A form that was not good: `values` as typed, `errors` by field, `message` about the whole.

    Fields go by their names in the model, e.g. `display_name`.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    message: str | None = None


async def read_form(
    request: web.Request, model: type[Model], *, limit: int = inputs.MAX_BODY
) -> Model | FormErrors:
    """The request's form as a model; its files live until the request has been answered."""
    stack = request[OPEN_FORMS]
    values = await stack.enter_async_context(inputs.form_values(request, model, limit=limit))
    try:
        return model.model_validate(inputs.without_blanks(model, values))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    names = _field_names(model)
    errors: dict[str, str] = {}
    for each in found:
        name = str(each["loc"][0]) if each["loc"] else ""
        errors.setdefault(names.get(name, name), complaint(each))
    return FormErrors(_typed(values, names), errors, errors.pop("", None))


def refused(error: AppError, form: BaseModel) -> FormErrors:
    """The form again, that a service refused: its sentence beside its field, else above all."""
    names = _field_names(type(form))
    values = _typed(form.model_dump(mode="python"), names)
    sentence = gettext(error.detail)
    if error.field is not None and (name := names.get(error.field)):
        return FormErrors(values, {name: sentence})
    return FormErrors(values, {}, sentence)


def complaint(error: ErrorDetails) -> str:
    """What a person should do about a value that pydantic refused."""
    context = error.get("ctx", {})
    kind = error["type"]
    if kind in ("string_too_short", "too_short") and (least := int(context["min_length"])) > 1:
        return ngettext(
            "At least %(num)d character, please.", "At least %(num)d characters, please.", least
        ) % {"num": least}
    if kind in ("string_too_long", "too_long"):
        most = int(context["max_length"])
        return ngettext(
            "No more than %(num)d character, please.",
            "No more than %(num)d characters, please.",
            most,
        ) % {"num": most}
    if kind in ("greater_than_equal", "greater_than"):
        return gettext("This is too small; the least is %(limit)s.") % {
            "limit": context.get("ge", context.get("gt"))
        }
    if kind in ("less_than_equal", "less_than"):
        return gettext("This is too large; the most is %(limit)s.") % {
            "limit": context.get("le", context.get("lt"))
        }
    return gettext(str(context["error"])) if kind == "value_error" else _by_kind(kind)


def _by_kind(kind: str) -> str:
    if kind in ("missing", "is_instance_of", "string_too_short", "too_short"):
        return gettext("Please fill this in.")
    if kind.startswith("int_"):
        return gettext("A whole number, please.")
    if kind in ("enum", "literal_error"):
        return gettext("Please choose one of the list.")
    if kind.startswith(("date", "time")):
        return gettext("This is no date that we understand.")
    return gettext("This is not in the right form.")


def _typed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """What goes back into the controls: everything but files."""
    return {
        names.get(name, name): value
        for name, value in values.items()
        if not isinstance(value, inputs.UploadedFile)
    }


def _field_names(model: type[BaseModel]) -> dict[str, str]:
    """From each spelling of a field, the outer and the inner, to its name."""
    return {
        spelling: name
        for name, info in model.model_fields.items()
        for spelling in (name, info.alias or name)
    }
