"""PeerTube's published OpenAPI as a judge of our answers.

The description is not ours to hand out, so it lies beside the checkout
(`../shared/reference/peertube-openapi.yaml`); where it is missing the tests that need it say so.
"""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

DESCRIPTION = Path(__file__).parents[3] / "shared" / "reference" / "peertube-openapi.yaml"

#: Schemas that say less or other than PeerTube itself answers, and why.
LOOSENED = {
    # "Unknown" categories, licences and languages have a null id
    "VideoConstantNumber-Category": {"properties": {"id": {"type": ["integer", "null"]}}},
    "VideoConstantNumber-Licence": {"properties": {"id": {"type": ["integer", "null"]}}},
    "VideoConstantString-Language": {"properties": {"id": {"type": ["string", "null"]}}},
    # a number of bits; the description lists single bits only
    "NSFWFlag": {"type": "integer"},
}

#: Properties that PeerTube answers null for, though its description does not say so.
NULLABLE = {
    "UserRegistration": (
        "accountDisplayName",
        "channelDisplayName",
        "channelHandle",
        "emailVerified",
    ),
    "User": (
        "blockedReason",
        "emailVerified",
        "language",
        "lastLoginDate",
        "pluginAuth",
        "videoLanguages",
    ),
    "Video": ("nsfwSummary", "thumbnailPath", "previewPath"),
    "VideoFile": ("magnetUri", "torrentUrl", "torrentDownloadUrl"),
    "VideoStreamingPlaylists-HLS": ("segmentsSha256Url",),
}


def ensure_answers(schema: str, answer: object) -> None:
    """Fail unless the answer fits a schema of PeerTube's; skip where its description is missing."""
    problems = sorted(validator(schema).iter_errors(answer), key=lambda error: list(error.path))
    if problems:
        listed = "\n".join(
            f"  {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in problems
        )
        pytest.fail(f"the answer is no {schema} of PeerTube's:\n{listed}")


def validator(schema: str) -> jsonschema.Draft202012Validator:
    """Checks against one schema."""
    description = _description()
    if description is None:
        pytest.skip(f"PeerTube's description is not at {DESCRIPTION}")
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": description["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


@cache
def _description() -> dict[str, Any] | None:
    if not DESCRIPTION.exists():
        return None
    description: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
    schemas = description["components"]["schemas"]
    schemas.update(copy.deepcopy(LOOSENED))
    for name, properties in NULLABLE.items():
        for each in properties:
            schemas[name]["properties"][each]["nullable"] = True
    _modernise(schemas)
    return description


def _modernise(node: Any) -> None:
    """OpenAPI 3.0 to JSON Schema: nullable; JavaScript's patterns are left out."""
    if isinstance(node, list):
        for item in node:
            _modernise(item)
        return
    if not isinstance(node, dict):
        return
    for item in node.values():
        _modernise(item)
    if isinstance(node.get("pattern"), str):
        del node["pattern"]
    if node.pop("nullable", False) is True:
        inner = dict(node)
        node.clear()
        node["anyOf"] = [{"type": "null"}, inner]
