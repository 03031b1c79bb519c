"""Passwords and tokens: what fits, and everything that must not."""

import asyncio
import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from jose import jwt

from shared.auth import PasswordHasher, TokenCodec
from shared.config import Settings
from shared.errors import ServiceUnavailable, Unauthorized

KEY = "k" * 40
USER, SESSION = uuid4(), uuid4()


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **{"secret_key": KEY, "bcrypt_rounds": 4, "project_id": "pro1", **values})  # type: ignore[arg-type]


def codec(**values: object) -> TokenCodec:
    return TokenCodec(settings(**values))


def claims(**changes: object) -> dict[str, Any]:
    now = int(time.time())
    base = {
        "iss": "pro1",
        "aud": "pro1",
        "sub": str(USER),
        "sid": str(SESSION),
        "jti": str(uuid4()),
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def signed(payload: dict[str, Any], algorithm: str = "HS256", **header: Any) -> str:
    token: str = jwt.encode(payload, KEY, algorithm=algorithm, headers={"typ": "at+jwt", **header})
    return token


def segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


class TestPasswords:
    async def test_right_wrong_and_nobody(self) -> None:
        hasher = PasswordHasher(settings())
        hashed = await hasher.hash("correct horse battery")
        assert hashed.startswith("$2b$")
        assert await hasher.verify("correct horse battery", hashed)
        assert not await hasher.verify("correct horse batterz", hashed)
        assert not await hasher.verify("correct horse battery", None)

    @pytest.mark.parametrize("password", ["é" * 128, "a" * 128, "nul\x00inside", "\ud800 lone", " " * 10])
    async def test_any_text_is_hashed_without_truncation(self, password: str) -> None:
        hasher = PasswordHasher(settings())
        hashed = await hasher.hash(password)
        assert await hasher.verify(password, hashed)
        assert not await hasher.verify(password + "x", hashed)

    async def test_what_must_come_first_comes_when_it_is_the_passwords_turn(self) -> None:
        class Noting(PasswordHasher):
            def _verify(self, password: str, hashed: str | None) -> bool:
                noted.append("looked at")
                return super()._verify(password, hashed)

        async def first() -> None:
            noted.append("first")
            if noted.count("first") > 1:
                raise Unauthorized("Not even looked at.")

        noted: list[str] = []
        hasher = Noting(settings(), threads=1)
        answers = await asyncio.gather(
            *(hasher.verify("correct horse battery", None, first=first) for _ in range(3)), return_exceptions=True
        )
        assert noted == ["first", "looked at", "first", "first"]
        assert [type(answer) for answer in answers] == [bool, Unauthorized, Unauthorized]

    async def test_a_full_queue_is_refused_and_frees_itself(self) -> None:
        hasher = PasswordHasher(settings(), threads=1, waiting=-1)
        with pytest.raises(ServiceUnavailable):
            await hasher.hash("password")


class TestTokens:
    def test_an_access_token_is_read_back(self) -> None:
        read = codec().read_access(codec().issue_access(USER, SESSION))
        assert (read.user_id, read.session_id) == (USER, SESSION)
        assert read.expires_at - read.issued_at == timedelta(minutes=30)

    def test_a_refresh_token_is_deterministic(self) -> None:
        jti, at = UUID(int=1), datetime.now(UTC)
        first = codec().issue_refresh(USER, SESSION, jti, at)
        assert first == codec().issue_refresh(USER, SESSION, jti, at)
        assert codec().read_refresh(first).jti == jti

    def test_kinds_are_not_interchangeable(self) -> None:
        tokens = codec()
        with pytest.raises(Unauthorized):
            tokens.read_access(tokens.issue_refresh(USER, SESSION, uuid4(), datetime.now(UTC)))
        with pytest.raises(Unauthorized):
            tokens.read_refresh(tokens.issue_access(USER, SESSION))

    def test_another_instance_refuses_even_under_the_same_key(self) -> None:
        token = codec(project_id="pro1").issue_access(USER, SESSION)
        with pytest.raises(Unauthorized):
            codec(project_id="pro2").read_access(token)

    def test_a_retired_key_still_verifies(self) -> None:
        token = codec(secret_key="o" * 40).issue_access(USER, SESSION)
        assert codec(secret_keys_previous="x" * 40 + "," + "o" * 40).read_access(token).user_id == USER
        with pytest.raises(Unauthorized):
            codec().read_access(token)

    @pytest.mark.parametrize("missing", ["iss", "aud", "sub", "sid", "jti", "iat", "exp"])
    def test_every_claim_is_required(self, missing: str) -> None:
        with pytest.raises(Unauthorized):
            codec().read_access(signed(claims(**{missing: None})))

    @pytest.mark.parametrize(
        "change",
        [
            {"exp": 1},
            {"exp": "soon"},
            {"exp": float("inf")},
            {"exp": []},
            {"iat": int(time.time()) + 3600},
            {"iat": "now"},
            {"iat": -1},
            {"iat": True},
            {"iat": int(time.time()), "exp": int(time.time())},
            {"aud": "pro2"},
            {"aud": []},
            {"aud": ["pro1", "pro2"]},
            {"iss": "pro2"},
            {"sub": "me"},
            {"sid": "me"},
            {"sub": 7},
            {"jti": {}},
            {"sid": 7},
            {"sid": []},
        ],
    )
    def test_claims_of_a_wrong_value_or_kind(self, change: dict[str, object]) -> None:
        with pytest.raises(Unauthorized):
            codec().read_access(signed(claims(**change)))

    @pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
    def test_another_algorithm_under_the_right_key(self, algorithm: str) -> None:
        with pytest.raises(Unauthorized):
            codec().read_access(signed(claims(), algorithm=algorithm))

    @pytest.mark.parametrize("name", ["none", "None", "nOnE", "HS256"])
    def test_no_signature(self, name: str) -> None:
        for signature in ("", "AA"):
            with pytest.raises(Unauthorized):
                codec().read_access(f"{segment({'alg': name, 'typ': 'at+jwt'})}.{segment(claims())}.{signature}")

    @pytest.mark.parametrize(
        "header", [{"crit": ["exp"]}, {"jku": "http://127.0.0.1/"}, {"kid": "../../x"}, {"typ": "JWT"}]
    )
    def test_any_header_but_ours(self, header: dict[str, Any]) -> None:
        with pytest.raises(Unauthorized):
            codec().read_access(signed(claims(), **header))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ".",
            "..",
            "a.b.c",
            "\ud800.b.c",
            "é.b.c",
            "a" * 5000,
            "a.b.c.d",
            "[" * 995 + "." + "a.b",
            "eyJ\n.b.c",
            "a. b.c",
        ],
    )
    def test_rubbish(self, text: str) -> None:
        with pytest.raises(Unauthorized):
            codec().read_access(text)

    def test_every_changed_character_of_payload_or_signature_is_noticed(self) -> None:
        token = codec().issue_access(USER, SESSION)
        header, payload, signature = token.split(".")
        last_has_spare_bits = len(signature) - 1
        body = f"{payload}.{signature}"
        for position in range(len(body)):
            if body[position] == "." or position == len(payload) + 1 + last_has_spare_bits:
                continue
            changed = body[:position] + ("A" if body[position] != "A" else "B") + body[position + 1 :]
            with pytest.raises(Unauthorized):
                codec().read_access(f"{header}.{changed}")

    def test_a_remembered_token_still_expires(self) -> None:
        tokens = codec()
        token = signed(claims(exp=int(time.time()) + 2))
        tokens.read_access(token)
        tokens._verified[token] = (time.time() - 1, tokens._verified[token][1])
        assert tokens.read_access(token).user_id == USER
        expired = signed(claims(exp=int(time.time()) - 1))
        with pytest.raises(Unauthorized):
            tokens.read_access(expired)
