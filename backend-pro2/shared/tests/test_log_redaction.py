"""What must not be told is masked by the name of its field, by its form, or because it came at run time."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from shared.api_keys import new_api_key
from shared.logging import get_logger
from shared.logs.failures import failure_of
from shared.logs.redaction import is_secret_name, mask
from shared.testing.logged_lines import Lines, logged_lines

log = get_logger("tests.redaction")

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5"


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logged_lines() as lines:
        yield lines


@pytest.mark.parametrize(
    "name",
    [
        *("password", "new_password", "PASSWORD", "passwd", "token", "access_token", "accessToken", "refresh-token"),
        *("secret", "SECRET_KEY", "client_secret", "authorization", "Authorization", "api_key", "apiKey", "key"),
        *("dsn", "sentry_dsn", "cookie", "Set-Cookie", "email", "user_email", "credentials", "signature"),
    ],
)
def test_fields_of_such_names_are_masked_at_any_depth(lines: Lines, name: str) -> None:
    log.info("said", **{name: "canary"}, inside={"list": [{name: {"x": "canary"}}]})
    assert is_secret_name(name)
    assert b"canary" not in lines[0]


@pytest.mark.parametrize(
    "name", ["tokens_in", "event_type", "path", "mail_id", "api_key_id", "monkey", "status", "rows"]
)
def test_others_are_told(lines: Lines, name: str) -> None:
    log.info("said", **{name: 7})
    assert lines.told[0][name] == 7


def test_secret_types_and_bytes_are_never_told(lines: Lines) -> None:
    log.info("said", x=SecretStr("canary"), y=b"canary", z=[SecretStr("canary")])
    assert b"canary" not in lines[0]


@pytest.mark.parametrize(
    "text",
    [
        *("Bearer canary-abcdef", "authorization: Basic Y2FuYXJ5OmNhbmFyeQ==", JWT, f"token {JWT[:30]}canary"),
        *("sk-canary0123456789", "postgresql://user:canary@host/db", "https://canary@o1.ingest.sentry.io/1"),
        *("redis://:p@canary@host:1/0", "GET /x?q=canary HTTP/1.1", "https://s3/bucket?X-Amz-Signature=canary"),
        *("password=canary", "Password: canary", "{'password': 'two canary'}", '{"secret_key":"canary"}'),
        *(
            "cookie: session=canary; other=canary",
            "someone.canary@example.org",
            "api key: canary",
            "AKIACANARY0123456789",
        ),
    ],
)
def test_such_forms_are_masked_in_any_text(lines: Lines, text: str) -> None:
    log.info("said", words=f"before {text}", deep=[{"words": text}])
    assert b"canary" not in lines[0].lower()
    assert lines.told[0]["words"].startswith("before ")


def test_our_own_api_keys_too(lines: Lines) -> None:
    key = new_api_key().key
    log.info(f"with {key} inside", key_words=f"x{key}")  # noqa: G004 - a library would
    assert key[-43:].encode() not in lines[0]


@pytest.mark.parametrize("text", ["Is it there? yes", "rows a=b c", "a://b", "x@y", "50% of it", "tokens are counted"])
def test_plain_words_stay(text: str) -> None:
    assert mask(text) == text


def test_a_secret_at_the_edge_of_what_is_kept_is_masked_whole(lines: Lines) -> None:
    log.info("said", words="x" * 3990 + " postgresql://user:canary-canary-canary@host/db")
    assert b"canary" not in lines[0]


def fail(row: Any) -> None:
    raise RuntimeError(f"it broke for {row} again")


def caught(row: Any) -> BaseException:
    try:
        fail(row)
    except RuntimeError as error:
        return error
    raise AssertionError


class TestFailures:
    def test_of_a_message_only_the_words_in_the_code_are_told(self) -> None:
        (link,) = failure_of(caught({"name": "canary ada", "salary": 51_234}))
        assert link["message"] == "it broke for *** again"
        assert link["type"] == "RuntimeError"
        assert [frame["function"] for frame in link["frames"]] == ["fail", "caught"]
        assert link["frames"][0]["file"].endswith("test_log_redaction.py")

    @pytest.mark.parametrize(
        "work",
        [lambda: int("canary"), lambda: {"a": 1}["canary"], lambda: float("canary"), lambda: b"x".decode("canary")],
        ids=["int", "lookup", "float", "codec"],
    )
    def test_what_libraries_put_into_messages_is_not(self, lines: Lines, work: Any) -> None:
        try:
            work()
        except Exception:
            log.exception("failed")
        assert b"canary" not in lines[0]
        assert lines.told[0]["exception"][0]["frames"]

    def test_what_it_came_from_is_told_alike(self, lines: Lines) -> None:
        try:
            try:
                fail("canary")
            except RuntimeError as error:
                raise LookupError from error
        except LookupError:
            log.exception("failed")
        assert [link["type"] for link in lines.told[0]["exception"]] == ["LookupError", "RuntimeError"]
        assert b"canary" not in lines[0]

    def test_codes_say_what_messages_must_not(self) -> None:
        try:
            open("/nowhere/canary")  # noqa: PTH123, SIM115 - it fails
        except OSError as error:
            (link,) = failure_of(error)
        assert (link["strerror"], link["errno"]) == ("No such file or directory", 2)
        assert "canary" not in str(link)

    def test_one_that_cannot_be_asked_for_its_text(self) -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        assert failure_of(Mute())[0]["type"].endswith("Mute")

    def test_chains_that_bite_their_tail_end(self) -> None:
        first, second = RuntimeError(), RuntimeError()
        first.__cause__, second.__cause__ = second, first
        assert len(failure_of(first)) == 2
