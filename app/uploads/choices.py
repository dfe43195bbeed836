"""What a person can choose from about a video, in the visitor's language: pairs for templates."""

from typing import TypedDict

from app.core.i18n import current_locale, gettext
from app.videos.models import CommentsPolicy, Privacy
from app.videos.vocabulary import CATEGORIES, LICENCES, languages


class Choices(TypedDict):
    """What templates/uploads/_fields.html takes."""

    privacies: list[tuple[int, str, str]]
    categories: list[tuple[int, str]]
    licences: list[tuple[int, str]]
    languages: list[tuple[str, str]]
    comments_policies: list[tuple[int, str]]


def choices() -> Choices:
    """All of them."""
    return {
        "privacies": privacies(),
        "categories": [(number, gettext(label)) for number, label in CATEGORIES.items()],
        "licences": [(number, gettext(label)) for number, label in LICENCES.items()],
        "languages": sorted(languages(current_locale()).items(), key=lambda pair: pair[1]),
        "comments_policies": [
            (int(CommentsPolicy.ENABLED), gettext("Everybody may comment")),
            (int(CommentsPolicy.REQUIRES_APPROVAL), gettext("Comments wait for your approval")),
            (int(CommentsPolicy.DISABLED), gettext("Nobody may comment")),
        ],
    }


def privacies() -> list[tuple[int, str, str]]:
    """Who may see a video, with a sentence on each."""
    return [
        (int(Privacy.PUBLIC), gettext("Public"), gettext("Everybody, and it stands in lists.")),
        (
            int(Privacy.UNLISTED),
            gettext("Unlisted"),
            gettext("Everybody who has the address; no list shows it."),
        ),
        (int(Privacy.INTERNAL), gettext("Internal"), gettext("Those who can log in here.")),
        (
            int(Privacy.PASSWORD_PROTECTED),
            gettext("With a password"),
            gettext("Those who know a password of it."),
        ),
        (int(Privacy.PRIVATE), gettext("Private"), gettext("You alone.")),
    ]
