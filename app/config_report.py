"""The settings as people read them: values with their origin, docs/settings.md, what is wrong.

A mistyped name must not be passed over in silence: it would look set and do nothing.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import get_args

from annotated_types import Ge, Le
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError as SourceError

from app.config import Section, Settings

PREFIX = "KINORA_"
#: Variables that are no settings: where the file is, and the first administrator's password.
OTHER_VARIABLES = frozenset({"KINORA_CONFIG", "KINORA_ADMIN_PASSWORD"})
MASK = "********"


class ConfigurationError(Exception):
    """The settings cannot be used; each of `sentences` says one thing that is wrong."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = list(sentences)


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting."""

    section: str
    name: str
    field: FieldInfo

    @property
    def key(self) -> str:
        """Its name in the file, dotted."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"{PREFIX}{self.section}__{self.name}".upper()


def entries() -> Iterator[Entry]:
    """Every setting, in the order of `app.config`."""
    for section, table in Settings.model_fields.items():
        model = table.annotation
        if isinstance(model, type) and issubclass(model, Section):
            for name, field in model.model_fields.items():
                yield Entry(section, name, field)


def load() -> Settings:
    """The settings; raises ConfigurationError with a sentence for each mistake."""
    unknown = unknown_names(os.environ, read_file(os.environ.get("KINORA_CONFIG")))
    if unknown:
        raise ConfigurationError(unknown)
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(sentences(error)) from None
    except SourceError as error:
        raise ConfigurationError(
            [f"The environment holds a value that is no JSON: {error}."]
        ) from None


def read_file(path: str | None) -> dict[str, object]:
    """The settings file as it stands, or nothing when none is named."""
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text())
    except FileNotFoundError:
        raise ConfigurationError([f"KINORA_CONFIG names {path}, which does not exist."]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"The settings file {path} cannot be read: {error}."]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"The settings file {path} is not TOML: {error}."]) from None


def unknown_names(environment: Mapping[str, str], file: Mapping[str, object]) -> list[str]:
    """A sentence for each key of the file and each KINORA_ variable that names no setting."""
    keys = {entry.key for entry in entries()}
    sections = set(Settings.model_fields)
    variables = {entry.variable for entry in entries()} | OTHER_VARIABLES
    variables |= {f"{PREFIX}{section}".upper() for section in sections}
    wrong = []
    for section, table in file.items():
        if section not in sections:
            wrong.append(_unknown(f"the settings file's table [{section}]", section, sections))
        elif not isinstance(table, dict):
            wrong.append(f"In the settings file, {section} must be a table: [{section}].")
        else:
            wrong += [
                _unknown(f"the settings file's {section}.{name}", f"{section}.{name}", keys)
                for name in table
                if f"{section}.{name}" not in keys
            ]
    wrong += [
        _unknown(f"the environment variable {name}", name.upper(), variables)
        for name in sorted(environment)
        if name.upper().startswith(PREFIX) and name.upper() not in variables
    ]
    return wrong


def _unknown(what: str, name: str, known: set[str] | frozenset[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else "."
    return f"There is no such setting: {what}{hint}"


def sentences(error: ValidationError) -> list[str]:
    """What pydantic found, a sentence for each setting. Never the value: it may be a secret."""
    return [
        f"The setting {'.'.join(map(str, item['loc']))} is not usable: {item['msg']}."
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    ]


def origin(entry: Entry, environment: Mapping[str, str], file: Mapping[str, object]) -> str:
    """Where the value comes from: `environment KINORA_…`, `file …` or `default`."""
    names = {name.upper() for name in environment}
    for variable in (entry.variable, f"{PREFIX}{entry.section}".upper()):
        if variable in names:
            return f"environment {variable}"
    table = file.get(entry.section)
    if isinstance(table, dict) and entry.name in table:
        return f"file {environment.get('KINORA_CONFIG', '')}"
    return "default"


def written(value: object) -> str:
    """A value as one would write it into the file; secrets are masked."""
    match value:
        case SecretStr():
            return MASK if value.get_secret_value() else '""'
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case list():
            return f"[{', '.join(map(written, value))}]"
        case _:
            return f'"{value}"'


def as_text(settings: Settings) -> str:
    """Every setting with value, origin and sentence, for a terminal."""
    file = read_file(os.environ.get("KINORA_CONFIG"))
    lines = []
    for entry in entries():
        value = getattr(getattr(settings, entry.section), entry.name)
        lines.append(f"{entry.key} = {written(value)}  ({origin(entry, os.environ, file)})")
        lines.append(f"    {entry.field.description}")
    return "\n".join(lines)


def _kind(field: FieldInfo) -> str:
    kind = field.annotation
    bounds = [f"≥ {rule.ge}" for rule in field.metadata if isinstance(rule, Ge)]
    bounds += [f"≤ {rule.le}" for rule in field.metadata if isinstance(rule, Le)]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " or ".join(f"`{member.value}`" for member in kind)
    if get_args(kind):
        return "list of numbers" if get_args(kind)[0] is int else "list of texts"
    name = {bool: "`true` or `false`", int: "number", Path: "path", SecretStr: "secret"}
    return " ".join([name.get(kind, "text") if isinstance(kind, type) else "text", *bounds])


def _default(field: FieldInfo) -> str:
    value = field.get_default()
    return written(value.get_secret_value() if isinstance(value, SecretStr) else value)


def as_markdown() -> str:
    """The page docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "<!-- Written by `kinora settings --markdown` from app/config.py. -->",
        "",
        "A setting comes from its environment variable, else from the TOML file that",
        "`KINORA_CONFIG` names, else it has its default. The variable of `storage.backend` is",
        "`KINORA_STORAGE__BACKEND` (lists are written as JSON); in the file it is `backend = …`",
        "under `[storage]`. A name that is no setting is an error. `kinora settings` prints every",
        "value and where it comes from.",
    ]
    section = ""
    for entry in entries():
        if entry.section != section:
            section = entry.section
            table = Settings.model_fields[section].annotation
            heading = (table.__doc__ or "").strip() if table else ""
            lines += ["", f"## {section}", "", heading, ""]
            lines += ["| setting | default | kind | |", "|---|---|---|---|"]
        cells = [f"`{entry.name}`", f"`{_default(entry.field)}`", _kind(entry.field)]
        lines.append(f"| {' | '.join(cells)} | {entry.field.description} |")
    return "\n".join(lines) + "\n"
