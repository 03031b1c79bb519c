"""URLs that let their bearer store exactly so many bytes: the SDK signs the host alone (Signature Version 4)."""

import hashlib
import hmac
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

_SIGNED = "content-length;host"


def sized_put(url: str, size: int, secret_key: str) -> str:
    """A presigned URL for a PUT, signed anew with the length of its body: the store refuses one of another length."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    given.pop("X-Amz-Signature")
    given["X-Amz-SignedHeaders"] = _SIGNED
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(given.items()))
    headers = (f"content-length:{size}", f"host:{parts.netloc}", "")
    request = "\n".join(("PUT", parts.path, query, *headers, _SIGNED, "UNSIGNED-PAYLOAD"))
    scope = given["X-Amz-Credential"].split("/")[-4:]
    stated = ("AWS4-HMAC-SHA256", given["X-Amz-Date"], "/".join(scope), hashlib.sha256(request.encode()).hexdigest())
    key = f"AWS4{secret_key}".encode()
    for word in (*scope, "\n".join(stated)):
        key = hmac.digest(key, word.encode(), "sha256")
    return urlunsplit(parts._replace(query=f"{query}&X-Amz-Signature={key.hex()}"))


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
