"""PeerTube's fixed lists: categories, licences, languages, privacies, states, with their labels.

The numbers are PeerTube's, so that videos mean the same on other sites. English labels are the
gettext message ids; languages are named by CLDR (Babel) in the visitor's own.
"""

from functools import cache

from babel import Locale


def N_(message: str) -> str:  # noqa: N802 - the name by which Babel finds messages
    """Marks a label that pages translate where they show it; the API speaks English."""
    return message


CATEGORIES = {
    1: N_("Music"),
    2: N_("Films"),
    3: N_("Vehicles"),
    4: N_("Art"),
    5: N_("Sports"),
    6: N_("Travels"),
    7: N_("Gaming"),
    8: N_("People"),
    9: N_("Comedy"),
    10: N_("Entertainment"),
    11: N_("News & Politics"),
    12: N_("How To"),
    13: N_("Education"),
    14: N_("Activism"),
    15: N_("Science & Technology"),
    16: N_("Animals"),
    17: N_("Kids"),
    18: N_("Food"),
}

LICENCES = {
    1: N_("Attribution"),
    2: N_("Attribution - Share Alike"),
    3: N_("Attribution - No Derivatives"),
    4: N_("Attribution - Non Commercial"),
    5: N_("Attribution - Non Commercial - Share Alike"),
    6: N_("Attribution - Non Commercial - No Derivatives"),
    7: N_("Public Domain Dedication"),
    8: N_("Public Domain Mark"),
    9: N_("All rights reserved"),
}

PRIVACIES = {
    1: N_("Public"),
    2: N_("Unlisted"),
    3: N_("Private"),
    4: N_("Internal"),
    5: N_("Password protected"),
}

STATES = {
    1: N_("Published"),
    2: N_("To transcode"),
    7: N_("Transcoding failed"),
}

COMMENTS_POLICIES = {1: N_("Enabled"), 2: N_("Disabled"), 3: N_("Requires approval")}

UNKNOWN = N_("Unknown")

#: ISO 639-3 languages without a two-letter code that PeerTube lists: constructed ones, Kabyle,
#: Tok Pisin, and the sign languages that it names.
LANGUAGES_OF_THREE_LETTERS = {
    "avk": "Kotava",
    "kab": "Kabyle",
    "jbo": "Lojban",
    "tlh": "Klingon",
    "tok": "Toki Pona",
    "tpi": "Tok Pisin",
    "ase": "American Sign Language",
    "asq": "Austrian Sign Language",
    "bfi": "British Sign Language",
    "bzs": "Brazilian Sign Language",
    "csl": "Chinese Sign Language",
    "cse": "Czech Sign Language",
    "dsl": "Danish Sign Language",
    "fsl": "French Sign Language",
    "gsg": "German Sign Language",
    "jsl": "Japanese Sign Language",
    "pks": "Pakistan Sign Language",
    "rsl": "Russian Sign Language",
    "sfs": "South African Sign Language",
    "swl": "Swedish Sign Language",
}


@cache
def languages(locale: str = "en") -> dict[str, str]:
    """Every language a video may be in, by code, named in the language of `locale`."""
    names = Locale.parse(locale).languages
    codes = sorted(code for code in map(str, Locale("en").languages) if len(code) == 2)
    return {code: str(names.get(code, code)) for code in codes} | {
        code: str(names.get(code, name)) for code, name in LANGUAGES_OF_THREE_LETTERS.items()
    }


#: Codes that are known at all.
LANGUAGES = languages()
