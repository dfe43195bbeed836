"""Signatures of requests to an object store: those that botocore makes."""

import hashlib
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from app.core.s3_signature import Credentials, presigned_url, signed_headers
from tests.core.stored_files import KEY

NOW = datetime(2026, 11, 22, 20, 15, tzinfo=UTC)
NAMES = st.text("abcXYZ019-_.~", min_size=1, max_size=10)


@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    path=st.lists(NAMES, max_size=3),
    query=st.dictionaries(NAMES, st.text("aZ0 /+=&?~-äé*'", max_size=8), max_size=3),
    value=st.text("ab 0;=", max_size=8),
    body=st.binary(max_size=20),
)
def test_signatures_are_botocores(
    method: str, path: list[str], query: dict[str, str], value: str, body: bytes
) -> None:
    url = f"https://s3.example:8333/{'/'.join(path)}"
    digest = hashlib.sha256(body).hexdigest()
    mine = signed_headers(
        Credentials("access", "secret", "eu-1"),
        method,
        url,
        query=query,
        headers={"X-Amz-Meta-A": value},
        payload_sha256=digest,
        now=NOW,
    )
    asked = AWSRequest(method, url, {"X-Amz-Meta-A": value}, body, query)
    asked.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    signer = S3SigV4Auth(BotoCredentials("access", "secret"), "s3", "eu-1")
    asked.headers["X-Amz-Content-SHA256"] = digest
    asked.headers["X-Amz-Date"] = asked.context["timestamp"]
    canonical = signer.canonical_request(asked)
    signature = signer.signature(signer.string_to_sign(asked, canonical), asked)
    assert mine["Authorization"].endswith(f"Signature={signature}")
    names = signer.signed_headers(signer.headers_to_sign(asked))
    assert f"SignedHeaders={names}," in mine["Authorization"]


def test_presigned_addresses_are_botocores() -> None:
    url = f"https://s3.example/kinora/{KEY}"
    me = Credentials("access", "secret", "eu-1")
    mine = presigned_url(me, url, seconds=60, query={}, now=NOW)
    asked = AWSRequest("GET", url)
    signer = S3SigV4QueryAuth(BotoCredentials("access", "secret"), "s3", "eu-1", expires=60)
    asked.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(asked)
    canonical = signer.canonical_request(asked)
    signature = signer.signature(signer.string_to_sign(asked, canonical), asked)
    assert parse_qs(urlsplit(mine).query)["X-Amz-Signature"] == [signature]
