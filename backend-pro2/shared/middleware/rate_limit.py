"""Limits callers, and reads their token and session on the way: one Redis round trip a request."""

from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.addresses import AddressResolver
from shared.admission import Admission, Policy, Verdict
from shared.auth import Claims, TokenCodec
from shared.config import Settings
from shared.errors import Unauthorized
from shared.problems import MEDIA_TYPE, problem_body

UNLIMITED = frozenset({"/health", "/ready", "/metrics"})


@dataclass(frozen=True, slots=True)
class Policies:
    """The limits of one service; `strict_paths` are those where passwords are tried."""

    default: Policy
    anonymous: Policy
    strict: Policy
    strict_paths: Collection[str] = ()

    @classmethod
    def from_settings(cls, settings: Settings, strict_paths: Collection[str]) -> "Policies":
        """The limits that the settings name."""
        window = settings.rate_limit_window_seconds
        return cls(
            default=Policy("default", settings.rate_limit_default, window),
            anonymous=Policy("anonymous", settings.rate_limit_anonymous, window),
            strict=Policy("auth", settings.rate_limit_auth, window),
            strict_paths=frozenset(strict_paths),
        )


class RateLimitMiddleware:
    """Puts `claims`, `session` and `credential_fault` into the request's state, or answers 429."""

    def __init__(
        self, app: ASGIApp, admission: Admission, codec: TokenCodec, policies: Policies, addresses: AddressResolver
    ) -> None:
        self._app = app
        self._admission = admission
        self._codec = codec
        self._policies = policies
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            await self._app(scope, receive, send)
            return
        claims = self._read_token(scope)
        who, policy = self._classify(scope, claims)
        verdict = await self._admission.admit(who, policy, claims.session_id if claims else None)
        scope["state"].update(claims=claims, session=verdict.session)
        headers = limit_headers(policy, verdict)
        if not verdict.allowed:
            await _refuse(scope, send, headers, verdict)
            return

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        await self._app(scope, receive, send_with_limits)

    def _classify(self, scope: Scope, claims: Claims | None) -> tuple[str, Policy]:
        if scope["path"] in self._policies.strict_paths:
            return self._addresses.of(scope), self._policies.strict
        if claims is None:
            return self._addresses.of(scope), self._policies.anonymous
        return str(claims.user_id), self._policies.default

    def _read_token(self, scope: Scope) -> Claims | None:
        header = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if header is None:
            return None
        scheme, _, token = header.partition(b" ")
        if scheme.lower() != b"bearer":
            scope["state"]["credential_fault"] = "The Authorization header must read: Bearer <token>."
            return None
        try:
            return self._codec.read_access(token.decode("latin-1"))
        except Unauthorized as fault:
            scope["state"]["credential_fault"] = fault.detail
            return None


def limit_headers(policy: Policy, verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """RateLimit and RateLimit-Policy (IETF draft 11) beside the older X-RateLimit trio."""
    remaining, reset = b"%d" % verdict.remaining, b"%d" % verdict.reset_seconds
    name = policy.name.encode()
    return [
        (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, policy.limit, policy.window_seconds)),
        (b"ratelimit", b'"%b";r=%b;t=%b' % (name, remaining, reset)),
        (b"x-ratelimit-limit", b"%d" % policy.limit),
        (b"x-ratelimit-remaining", remaining),
        (b"x-ratelimit-reset", reset),
    ]


async def _refuse(scope: Scope, send: Send, headers: list[tuple[bytes, bytes]], verdict: Verdict) -> None:
    body = problem_body(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        code="rate_limited",
        detail=f"Too many requests; try again in {verdict.reset_seconds} s.",
        instance=scope["path"],
        request_id=scope["state"]["request_id"],
    )
    own = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"%d" % verdict.reset_seconds),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.TOO_MANY_REQUESTS, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})
