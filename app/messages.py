"""Collects the strings that people read into the catalogues: `bin/messages`.

A string that is new stands in each catalogue without a translation, one that is gone leaves it.
The sentences of our errors are collected where they are raised: a page shows them translated.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from app.core import errors
from app.core.i18n import FOLDER, SOURCE, languages

ROOT = Path(__file__).parent.parent
SENTENCES = [name for name in vars(errors) if name.endswith("Error")]
KEYWORDS = DEFAULT_KEYWORDS | dict.fromkeys([*SENTENCES, "ValueError"])
SOURCES = {
    "app": [("media/**.py", "ignore"), ("**.py", "python")],
    "templates": [("**.html", "jinja2"), ("**.txt", "jinja2")],
}
OPTIONS = {"**.html": {"newstyle_gettext": "true"}, "**.txt": {"newstyle_gettext": "true"}}
WIDTH = 100
HEADER = """\
# Kinora: {name}
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: {plural_forms}\\n"

"""


def collected() -> Catalog:
    """Every string of the program and its templates, with the files that it stands in."""
    catalogue = Catalog(charset="utf-8")
    for folder, methods in SOURCES.items():
        for name, _, message, _, context in extract_from_dir(
            ROOT / folder, methods, OPTIONS, keywords=KEYWORDS
        ):
            catalogue.add(message, locations=[(f"{folder}/{name}", 0)], context=context)
    return catalogue


def catalogue_path(language: str) -> Path:
    """Where a language's catalogue is."""
    return FOLDER / language / "LC_MESSAGES" / "kinora.po"


def updated(language: str, strings: Catalog) -> str:
    """The text of a language's catalogue with exactly these strings."""
    with catalogue_path(language).open("rb") as source:
        catalogue = read_po(source, locale=language)
    catalogue.update(strings, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    written = io.BytesIO()
    write_po(
        written,
        catalogue,
        width=WIDTH,
        sort_output=True,
        omit_header=True,
        include_lineno=False,
    )
    head = HEADER.format(
        name=languages()[language], language=language, plural_forms=catalogue.plural_forms
    )
    return head + written.getvalue().decode()


def is_translated(message: Message) -> bool:
    """Whether each of its forms has a translation."""
    forms = [message.string] if isinstance(message.string, str) else message.string or ()
    return bool(forms) and all(forms)


def main() -> int:
    """Bring every catalogue up to date and say what is left to translate."""
    strings = collected()
    for language in languages():
        if language == SOURCE:
            continue
        text = updated(language, strings)
        catalogue_path(language).write_text(text)
        left = sum(1 for each in read_po(io.StringIO(text)) if each.id and not is_translated(each))
        sys.stdout.write(f"{language}: {len(strings)} strings, {left} without a translation\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
