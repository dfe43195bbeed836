"""PeerTube's fixed lists: categories, licences, languages, privacies, states, with their labels.

The numbers are PeerTube's, so that videos mean the same on other sites. English labels are the
gettext message ids; languages are named by CLDR (Babel) in the visitor's own.
"""

from functools import cache

from babel import Locale

CATEGORIES = {
    1: "Music",
    2: "Films",
    3: "Vehicles",
    4: "Art",
    5: "Sports",
    6: "Travels",
    7: "Gaming",
    8: "People",
    9: "Comedy",
    10: "Entertainment",
    11: "News & Politics",
    12: "How To",
    13: "Education",
    14: "Activism",
    15: "Science & Technology",
    16: "Animals",
    17: "Kids",
    18: "Food",
}

LICENCES = {
    1: "Attribution",
    2: "Attribution - Share Alike",
    3: "Attribution - No Derivatives",
    4: "Attribution - Non Commercial",
    5: "Attribution - Non Commercial - Share Alike",
    6: "Attribution - Non Commercial - No Derivatives",
    7: "Public Domain Dedication",
    8: "Public Domain Mark",
    9: "All rights reserved",
}

PRIVACIES = {
    1: "Public",
    2: "Unlisted",
    3: "Private",
    4: "Internal",
    5: "Password protected",
}

STATES = {
    1: "Published",
    2: "To transcode",
    7: "Transcoding failed",
}

COMMENTS_POLICIES = {1: "Enabled", 2: "Disabled", 3: "Requires approval"}

UNKNOWN = "Unknown"

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
