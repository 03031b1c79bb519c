"""Who is counted, under which policy, and what a spoofed address or an invented API key buys: nothing."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.types import Receive, Scope, Send

from shared.addresses import AddressResolver
from shared.admission import Admission, Policy, Verdict
from shared.api_keys import new_api_key
from shared.auth import TokenCodec
from shared.config import Settings
from shared.credentials import CredentialReader, KeyRing, Principal, principal_of_key
from shared.middleware.rate_limit import Policies, RateLimitMiddleware, limit_headers
from shared.redis_client import RedisClient, RedisUnavailable

SETTINGS = Settings(_env_file=None)
CODEC = TokenCodec(SETTINGS)
LOGIN = "/api/v1/auth/login"
PEER = "203.0.113.7"
LIMIT = 5


class AwayRedis(RedisClient):
    def __init__(self) -> None:
        """No connection at all."""

    async def eval(self, *_: object) -> None:
        raise RedisUnavailable


class Counter(Admission):
    """An admission of one process that notes whom it was asked about."""

    def __init__(self) -> None:
        super().__init__(AwayRedis(), "test")
        self.asked: list[tuple[str, str, str | None]] = []

    async def admit(self, subject: str, policy: Policy, session: str | None = None) -> Verdict:
        self.asked.append((subject, policy.name, session))
        return await super().admit(subject, policy, session)


class Door:
    """The middleware around an application that answers 200."""

    def __init__(self, trusted: tuple[str, ...] = ()) -> None:
        self.keys: dict[bytes, Principal] = {}
        self.asked = 0
        self.admission = Counter()
        policy = {name: Policy(name, LIMIT, 60) for name in ("default", "anonymous", "strict", "upload", "llm")}
        self.middleware = RateLimitMiddleware(
            self._inside,
            self.admission,
            CredentialReader(CODEC, KeyRing(self._find)),
            Policies(**policy, strict_paths={LOGIN}),
            AddressResolver(trusted),
        )

    async def _find(self, sha256: bytes) -> Principal | None:
        self.asked += 1
        return self.keys.get(sha256)

    @staticmethod
    async def _inside(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def knock(
        self,
        *headers: tuple[str, str],
        token: str | None = None,
        path: str = "/things",
        method: str = "GET",
        peer: str = PEER,
    ) -> tuple[int, dict[bytes, bytes], Scope]:
        """Status, headers and scope of one request."""
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        async def receive() -> Any:
            raise AssertionError("nobody reads here")

        raw = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers]
        raw += [(b"authorization", f"Bearer {token}".encode())] if token else []
        scope: Scope = {"type": "http", "method": method, "path": path, "headers": raw, "client": (peer, 1)}
        scope["state"] = {"request_id": "r"}
        await self.middleware(scope, receive, send)
        return messages[0]["status"], dict(messages[0]["headers"]), scope


class TestPolicies:
    POLICIES = Policies.from_settings(SETTINGS, [LOGIN])

    @pytest.mark.parametrize("prefix", ["", "/api/v1"])
    @pytest.mark.parametrize(
        ("method", "path", "policy"),
        [
            ("POST", "/upload/file", "upload"),
            ("PUT", "/upload/sessions/1/parts/2", "upload"),
            ("GET", "/upload/formats", "default"),
            ("POST", "/uploads", "default"),
            ("POST", "/upload/sessions", "upload"),
            ("POST", "/analysis/ask", "llm"),
            ("POST", "/analysis/ask/stream", "llm"),
            ("POST", "/analysis/insights", "llm"),
            ("POST", "/analysis/explain", "llm"),
            ("POST", "/analysis/describe-columns", "llm"),
            ("GET", "/analysis/ask", "default"),
            ("POST", "/analysis/describe", "default"),
            ("POST", "/analysis", "default"),
            ("DELETE", "/tasks/1", "default"),
        ],
    )
    def test_of_a_caller(self, prefix: str, method: str, path: str, policy: str) -> None:
        assert self.POLICIES.of_caller(method, prefix + path).name == policy

    @pytest.mark.parametrize("prefix", ["/manage/datasets", "/api/v1/datasets"])
    def test_new_versions_are_uploads(self, prefix: str) -> None:
        names = [self.POLICIES.of_caller("POST", f"{prefix}/1/{rest}").name for rest in ("versions", "versions/2/x")]
        assert [*names, self.POLICIES.of_caller("GET", f"{prefix}/1/versions").name] == ["upload", "default", "default"]

    def test_their_limits_are_the_settings(self) -> None:
        found = {policy.name: policy.limit for policy in (self.POLICIES.upload, self.POLICIES.llm)}
        assert found == {"upload": SETTINGS.rate_limit_upload, "llm": SETTINGS.rate_limit_llm}

    def test_alone_the_strict_one_is_stricter(self) -> None:
        alone = self.POLICIES.strict.alone()
        assert alone.limit == SETTINGS.rate_limit_auth // 4
        assert self.POLICIES.default.alone() == self.POLICIES.default
        tiny = Policies.from_settings(SETTINGS.model_copy(update={"rate_limit_auth": 1}), ())
        assert tiny.strict.alone().limit == 1


async def test_the_request_after_the_last_is_told_when_to_return() -> None:
    door = Door()
    answers = [await door.knock() for _ in range(LIMIT + 1)]
    assert [status for status, _, _ in answers] == [200] * LIMIT + [429]
    headers = answers[-1][1]
    assert headers[b"x-ratelimit-remaining"] == b"0"
    assert 0 < int(headers[b"retry-after"]) == int(headers[b"x-ratelimit-reset"])
    assert headers[b"ratelimit-policy"] == b'"anonymous";q=5;w=60'
    assert answers[0][1][b"ratelimit"].startswith(b'"anonymous";r=4;t=')


async def test_a_session_is_counted_by_its_user_and_its_user_comes_along() -> None:
    door, user_id, sessions = Door(), uuid4(), [uuid4(), uuid4()]
    for session_id in sessions:
        await door.knock(token=CODEC.issue_access(user_id, session_id))
    assert door.admission.asked == [(str(user_id), "default", f"session:{session_id}") for session_id in sessions]


async def test_where_passwords_are_tried_the_address_counts_whatever_the_token() -> None:
    door = Door()
    for _ in range(LIMIT):
        await door.knock(path=LOGIN, method="POST", token=CODEC.issue_access(uuid4(), uuid4()))
    assert (await door.knock(path=LOGIN, method="POST"))[0] == 429
    assert {(subject, policy) for subject, policy, _ in door.admission.asked} == {(PEER, "strict")}


async def test_nobody_is_counted_at_a_probe() -> None:
    door = Door()
    for path in ("/health", "/ready", "/metrics") * LIMIT:
        assert (await door.knock(path=path))[0] == 200
    assert door.admission.asked == []


class TestApiKeys:
    @staticmethod
    def given_out(door: Door) -> tuple[str, UUID]:
        made, key_id = new_api_key(), uuid4()
        door.keys[made.sha256] = principal_of_key(uuid4(), key_id, frozenset({"read"}), None)
        return made.key, key_id

    async def test_the_first_time_the_address_is_counted_and_from_then_on_the_key(self) -> None:
        door = Door()
        key, key_id = self.given_out(door)
        for _ in range(3):
            _, _, scope = await door.knock(token=key)
            assert scope["state"]["claims"].api_key_id == key_id
        own = (str(key_id), "default", f"session:{key_id}")
        assert door.admission.asked == [(PEER, "anonymous", None), own, own, own]
        assert door.asked == 1

    async def test_each_key_has_a_window_of_its_own(self) -> None:
        door = Door()
        first, second = self.given_out(door)[0], self.given_out(door)[0]
        statuses = [(await door.knock(token=first))[0] for _ in range(LIMIT + 1)]
        assert statuses == [200] * LIMIT + [429]
        assert (await door.knock(token=second))[0] == 200

    async def test_invented_keys_exhaust_the_address_and_then_reach_no_database(self) -> None:
        door = Door()
        statuses = [(await door.knock(token=new_api_key().key))[0] for _ in range(4 * LIMIT)]
        assert statuses.count(200) <= LIMIT
        assert door.asked <= LIMIT
        assert {subject for subject, _, _ in door.admission.asked} == {PEER}, "a window per invented key fills Redis"

    async def test_an_invented_key_is_a_fault_and_nobody(self) -> None:
        _, _, scope = await Door().knock(token=new_api_key().key)
        assert scope["state"]["claims"] is None
        assert "API key" in scope["state"]["credential_fault"]

    async def test_a_known_key_does_not_suffer_from_its_neighbours(self) -> None:
        door = Door()
        key, _ = self.given_out(door)
        await door.knock(token=key)
        for _ in range(2 * LIMIT):
            await door.knock()
        assert (await door.knock())[0] == 429
        assert (await door.knock(token=key))[0] == 200


SPOOFS = [
    *[[("X-Forwarded-For", f"198.51.100.{n}")] for n in range(3)],
    [("X-Forwarded-For", "10.0.0.1, 10.0.0.2, 10.0.0.3")],
    [("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-For", "198.51.100.10")],
    [("X-Forwarded-For", "127.0.0.1")],
    [("X-Forwarded-For", "::1")],
    [("X-Forwarded-For", "2001:db8::1")],
    [("X-Forwarded-For", "[2001:db8::1]:443")],
    [("X-Forwarded-For", "198.51.100.1:1234")],
    [("X-Forwarded-For", "unknown")],
    [("X-Forwarded-For", "")],
    [("X-Forwarded-For", ",,, ,")],
    [("X-Forwarded-For", "a" * 5000)],
    [("X-Forwarded-For", ", ".join(["198.51.100.1"] * 1000))],
    [("X-Forwarded-For", "198.51.100.1\x00")],
    [("X_Forwarded_For", "198.51.100.1")],
    [("X-Real-IP", "198.51.100.1")],
    [("X-Client-IP", "198.51.100.1")],
    [("X-Originating-IP", "198.51.100.1")],
    [("X-Remote-IP", "198.51.100.1")],
    [("X-Remote-Addr", "198.51.100.1")],
    [("X-Cluster-Client-IP", "198.51.100.1")],
    [("True-Client-IP", "198.51.100.1")],
    [("CF-Connecting-IP", "198.51.100.1")],
    [("Fastly-Client-IP", "198.51.100.1")],
    [("Client-IP", "198.51.100.1")],
    [("Via", "1.1 198.51.100.1")],
    [("Forwarded", "for=198.51.100.1;proto=https")],
    [("Forwarded", 'for="[2001:db8::1]:4711"')],
    [("X-Forwarded", "for=198.51.100.1")],
    [("Connection", "X-Forwarded-For"), ("X-Forwarded-For", "198.51.100.1")],
    [("X-Forwarded-Host", "198.51.100.1"), ("Host", "198.51.100.1")],
]


class TestAddresses:
    async def test_no_header_buys_another_address(self) -> None:
        door = Door()
        statuses = [(await door.knock(*spoof))[0] for spoof in SPOOFS]
        assert len(SPOOFS) >= 30
        assert statuses.count(200) == LIMIT
        assert {subject for subject, _, _ in door.admission.asked} == {PEER}

    async def test_nor_through_a_trusted_proxy_that_appends_what_it_saw(self) -> None:
        door = Door(trusted=("10.0.0.0/8",))
        for spoof in SPOOFS:
            forwarded = [value for name, value in spoof if name == "X-Forwarded-For"]
            others = [pair for pair in spoof if pair[0] != "X-Forwarded-For"]
            await door.knock(*others, ("X-Forwarded-For", ", ".join([*forwarded, PEER])), peer="10.1.2.3")
        assert {subject for subject, _, _ in door.admission.asked} == {PEER}

    @pytest.mark.parametrize(
        "addresses",
        [
            [f"2001:db8:1:2::{n:x}" for n in range(20)],
            [f"2001:db8:1:2:{n:x}:1:2:3" for n in range(20)],
            [f"2001:DB8:0001:0002::{n:X}" for n in range(20)],
            [f"fe80::{n:x}%eth{n}" for n in range(20)],
            [PEER, f"::ffff:{PEER}", f"::FFFF:{PEER}", "::ffff:cb00:7107"] * 2,
        ],
    )
    async def test_a_household_counts_as_one(self, addresses: list[str]) -> None:
        door = Door()
        assert [(await door.knock(peer=address))[0] for address in addresses].count(200) == LIMIT

    async def test_another_household_does_not_suffer(self) -> None:
        door = Door()
        for n in range(2 * LIMIT):
            await door.knock(peer=f"2001:db8:1:2::{n:x}")
        assert (await door.knock(peer="2001:db8:1:3::1"))[0] == 200


def test_headers_of_the_draft_and_the_older_trio() -> None:
    headers = dict(limit_headers(Policy("llm", 60, 30), Verdict(True, 12, 7, None)))
    assert headers == {
        b"ratelimit-policy": b'"llm";q=60;w=30',
        b"ratelimit": b'"llm";r=12;t=7',
        b"x-ratelimit-limit": b"60",
        b"x-ratelimit-remaining": b"12",
        b"x-ratelimit-reset": b"7",
    }
