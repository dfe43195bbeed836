"""The templates of pages and mails: one Jinja2 environment with the filters of the house."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    select_autoescape,
)
from markupsafe import Markup

from app.config import settings
from app.core import formats, i18n, text
from app.core.ids import short
from app.core.static import static_files

FOLDER = Path(__file__).parent.parent.parent / "templates"


def render_template(name: str, context: dict[str, Any], *, fragment: bool = False) -> str:
    """A template's text; with `fragment` only its block of that name, where it has one."""
    template = environment().get_template(name)
    full = {"settings": settings(), "locale": _locale(i18n.current_locale()), **context}
    if fragment and "fragment" in template.blocks:
        return _fragment(template, full)
    return template.render(full)


def has_template(name: str) -> bool:
    """Whether there is a template of this name."""
    try:
        environment().get_template(name)
    except TemplateNotFound as error:
        if error.name != name:
            raise  # one that it extends
        return False
    return True


def _fragment(template: Template, context: dict[str, Any]) -> str:
    """The block alone. Of the page only a first chunk is drawn, which runs its imports.

    For that `{% extends %}` must be the first thing in the template.
    """
    scope = template.new_context(context)
    page = template.root_render_func(scope)
    next(page, None)
    return "".join(scope.blocks["fragment"][0](scope))


@cache
def environment() -> Environment:
    """Jinja2 as every page and mail uses it; an unknown name in a template is an error."""
    found = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
        cache_size=-1,
    )
    found.install_gettext_callables(  # type: ignore[attr-defined]
        i18n.gettext, i18n.ngettext, newstyle=True
    )
    files = static_files()
    import_map = f'<script type="importmap">{files.import_map}</script>'
    found.globals |= {
        "url_for_static": files.url,
        "import_map": Markup(import_map),  # noqa: S704 - our own file names, "<" escaped
        "languages": i18n.languages,
    }
    found.filters |= {
        "date": formats.date,
        "moment": formats.moment,
        "ago": formats.ago,
        "duration": formats.duration,
        "count": formats.count,
        "filesize": formats.filesize,
        "markdown": text.markdown,
        "excerpt": text.excerpt,
        "short": short,
        "pictures": _pictures,
    }
    return found


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code)


def _pictures(stored: object) -> list[dict[str, Any]]:
    """A column of pictures as a list, whether the database gave its JSON or the model its value."""
    found = json.loads(stored) if isinstance(stored, str | bytes) else stored
    return list(found) if isinstance(found, list) else []
