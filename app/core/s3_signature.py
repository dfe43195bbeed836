"""AWS Signature Version 4 for S3, by hand: forty lines against a dependency of thirty megabytes.

The rules are AWS's "Authenticating Requests (AWS Signature Version 4)"; the tests hold this to
botocore's signatures.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs, and for which region."""

    access_key: str
    secret_key: str
    region: str


def signed_headers(
    credentials: Credentials,
    method: str,
    url: str,
    *,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    payload_sha256: str,
    now: datetime | None = None,
) -> dict[str, str]:
    """All headers of a request to `url` (encoded, without a query), with its Authorization."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    signed = {name.lower(): value for name, value in headers.items()} | {
        "host": urlsplit(url).netloc,
        "x-amz-content-sha256": payload_sha256,
        "x-amz-date": moment,
    }
    names, signature = _signature(credentials, method, url, query, signed, payload_sha256, moment)
    signed["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{_scope(credentials, moment)},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return signed


def presigned_url(
    credentials: Credentials,
    url: str,
    *,
    seconds: int,
    query: Mapping[str, str],
    now: datetime | None = None,
) -> str:
    """An address that anybody may GET for so long."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    full = dict(query) | {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{_scope(credentials, moment)}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    headers = {"host": urlsplit(url).netloc}
    _, signature = _signature(credentials, "GET", url, full, headers, UNSIGNED, moment)
    return f"{url}?{canonical_query(full)}&X-Amz-Signature={signature}"


def canonical_query(query: Mapping[str, str]) -> str:
    """The query as it is signed, and therefore as it must be sent."""
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items()
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def _signature(
    credentials: Credentials,
    method: str,
    url: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    payload_sha256: str,
    moment: str,
) -> tuple[str, str]:
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    path = urlsplit(url).path or "/"
    request = "\n".join((method, path, canonical_query(query), lines, names, payload_sha256))
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join((_ALGORITHM, moment, _scope(credentials, moment), digest))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (moment[:8], credentials.region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return names, hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _scope(credentials: Credentials, moment: str) -> str:
    return f"{moment[:8]}/{credentials.region}/s3/aws4_request"
