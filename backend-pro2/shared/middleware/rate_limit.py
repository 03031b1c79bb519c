"""Limits callers, and reads their credential and session on the way: one Redis round trip a request."""

import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.addresses import AddressResolver
from shared.admission import Admission, Policy, Verdict
from shared.config import Settings
from shared.credentials import CredentialReader, Presented, Principal
from shared.links import GATEWAY_PREFIX
from shared.metrics import limits as metrics
from shared.metrics.parts import ADMISSION, spend, waited
from shared.middleware.answer import Answer, header
from shared.problems import MEDIA_TYPE, problem_body

UNLIMITED = frozenset({"/health", "/ready", "/metrics"})
# Each process counts for itself while Redis is away, and where passwords are tried many processes are too generous.
ALONE_FRACTION = 4

_UPLOAD_METHODS = frozenset({"POST", "PUT"})
# `upload/…`, and the new versions of datasets under either of their names.
_UPLOADS = re.compile(rf"({GATEWAY_PREFIX})?/upload/|({GATEWAY_PREFIX}|/manage)/datasets/[^/]+/versions\Z")
_LLM = tuple(
    f"{prefix}/analysis/{name}"
    for prefix in ("", GATEWAY_PREFIX)
    for name in ("ask", "insights", "explain", "describe-columns")
)
_NOTHING = Presented()


@dataclass(frozen=True, slots=True)
class Policies:
    """The limits of one service by class of route; `strict_paths` are those where passwords are tried."""

    default: Policy
    anonymous: Policy
    strict: Policy
    upload: Policy
    llm: Policy
    strict_paths: Collection[str] = field(default_factory=frozenset)

    @classmethod
    def from_settings(cls, settings: Settings, strict_paths: Collection[str]) -> "Policies":
        """The limits that the settings name."""
        window, strict = settings.rate_limit_window_seconds, settings.rate_limit_auth
        return cls(
            default=Policy("default", settings.rate_limit_default, window),
            anonymous=Policy("anonymous", settings.rate_limit_anonymous, window),
            strict=Policy("auth", strict, window, alone_limit=max(strict // ALONE_FRACTION, 1)),
            upload=Policy("upload", settings.rate_limit_upload, window),
            llm=Policy("llm", settings.rate_limit_llm, window),
            strict_paths=frozenset(strict_paths),
        )

    def of_caller(self, method: str, path: str) -> Policy:
        """What limits a known caller here."""
        if method in _UPLOAD_METHODS:
            if _UPLOADS.match(path):
                return self.upload
            if path.startswith(_LLM):
                return self.llm
        return self.default


class RateLimitMiddleware:
    """Puts `claims`, `session` and `credential_fault` into the request's state, or answers 429."""

    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        credentials: CredentialReader,
        policies: Policies,
        addresses: AddressResolver,
    ) -> None:
        self._app = app
        self._admission = admission
        self._credentials = credentials
        self._policies = policies
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            await self._app(scope, receive, send)
            return
        answer = Answer.of(send)
        started, waiting = time.perf_counter(), waited()
        admitted = await self._admit(scope, answer)
        # Without what Redis and the database took of it, which have their own parts.
        spend(ADMISSION, time.perf_counter() - started - (waited() - waiting))
        if admitted:
            await self._app(scope, receive, answer)

    async def _admit(self, scope: Scope, answer: Answer) -> bool:
        """Whether the request may go on; else it is answered."""
        state = scope["state"]
        authorization = header(scope["headers"], b"authorization")
        presented = _NOTHING if authorization is None else self._credentials.read(authorization)
        if presented.look_up is not None:
            if presented.principal is None:
                # Nobody knows this key yet, so whoever tries keys is counted before the database is asked.
                verdict = await self._admission.admit(self._addresses.of(scope), self._policies.anonymous)
                if not verdict.allowed:
                    await _refuse(scope, answer, self._policies.anonymous, verdict)
                    return False
            presented = await self._credentials.look_up(presented.look_up)
        principal = presented.principal
        subject, policy = self._classify(scope, principal)
        verdict = await self._admission.admit(subject, policy, None if principal is None else principal.session_key)
        state["claims"], state["session"] = principal, verdict.session
        if presented.fault is not None:
            state["credential_fault"] = presented.fault
        if not verdict.allowed:
            await _refuse(scope, answer, policy, verdict)
            return False
        answer.headers += limit_headers(policy, verdict)
        return True

    def _classify(self, scope: Scope, principal: Principal | None) -> tuple[str, Policy]:
        if scope["path"] in self._policies.strict_paths:
            return self._addresses.of(scope), self._policies.strict
        if principal is None:
            return self._addresses.of(scope), self._policies.anonymous
        return principal.subject, self._policies.of_caller(scope["method"], scope["path"])


def limit_headers(policy: Policy, verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """RateLimit and RateLimit-Policy (IETF draft 11) beside the older X-RateLimit trio."""
    remaining, reset = b"%d" % verdict.remaining, b"%d" % verdict.reset_seconds
    name, of_policy, limit = _constant_parts(policy)
    return [
        of_policy,
        (b"ratelimit", b'"%b";r=%b;t=%b' % (name, remaining, reset)),
        limit,
        (b"x-ratelimit-remaining", remaining),
        (b"x-ratelimit-reset", reset),
    ]


@lru_cache
def _constant_parts(policy: Policy) -> tuple[bytes, tuple[bytes, bytes], tuple[bytes, bytes]]:
    name = policy.name.encode()
    of_policy = (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, policy.limit, policy.window_seconds))
    return name, of_policy, (b"x-ratelimit-limit", b"%d" % policy.limit)


async def _refuse(scope: Scope, answer: Answer, policy: Policy, verdict: Verdict) -> None:
    metrics.limited(policy.name)
    body = problem_body(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        code="rate_limited",
        detail=f"Too many requests; try again in {verdict.reset_seconds} s.",
        instance=scope["path"],
        request_id=scope["state"]["request_id"],
    )
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"%d" % verdict.reset_seconds),
        *limit_headers(policy, verdict),
    ]
    await answer({"type": "http.response.start", "status": HTTPStatus.TOO_MANY_REQUESTS, "headers": headers})
    await answer({"type": "http.response.body", "body": body})
