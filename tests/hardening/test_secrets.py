"""Nothing in the repository looks like a credential but what was made up for tests and documents."""

from pathlib import Path

import pytest

from .secrets_in_text import KNOWN, found
from .trees import files, place

# Values that open nothing, and what they are there for.
MADE_UP = {
    # Of development alone; production refuses to start with them, as shared/tests/test_config.py shows.
    *("postgres123", "redis123"),
    # The vector of Standard Webhooks, and the same a little longer as an example of the API.
    *("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwGzPfUq3MnQE="),
    # Examples of a key and of the tokens in mails, in the API's documents.
    "adp_k3Jx9QwZ_hS1n8b4VqYw0cR7tUeXzL2mGp5dKfJ6aBoIyTsNvMlQ",
    *("kJ3v0n2Zr8mB5yQwX1cTfH6uLsEaDgPiOoRtYbVnMqU", "s5Cq0XW0lYb5pG9pXoGQm8y2vYQ7mJH0T3bS1dVx9kE"),
    # What tests plant, to look for it in logs, answers and reports.
    *("canary", "canary-canary-canary", "unusual-canary-2", "canary-dsn", "hunter2", "Zm9vYmFy", "something-else"),
    *("AKIACANARY0123456789", "AKIACANARYS3KEY01234", "adp_Ab3dEf6h_canaryapikeycanaryapikeycanaryapikeycanary0"),
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5",
    "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnktand0IjoxfQ.canary-jwt-signature",
    # Words in the place of one.
    *("secret", "strong", "PASSWORD"),
}
# Put together here, so that this file holds none.
PLANTED = {
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "key of Amazon": "AKIA" + "Q3EGRLNTB6YZKXWP",
    "token of GitHub": "ghp_" + "a1B2" * 9,
    "token of GitLab": "glpat-" + "a1B2c" * 4,
    "token of Slack": "xoxb-" + "123456789012-abcdef",
    "key of Google": "AIza" + "Sy0dE" * 7,
    "key of an LLM's provider": "sk-proj-" + "a1B2" * 8,
    "key of Stripe": "sk_live_" + "a1B2" * 5,
    "token of a package registry": "npm_" + "a1B2" * 9,
    "JSON Web Token": "eyJ" + "hbGciOiJIUzI1." + "eyJ" + "zdWIiOiJhZG1p." + "c2ln" * 6,
    "secret of a webhook": "whsec_" + "a1B2" * 8,
    "key of this API": "adp_" + "Ab3dEf6h_" + "a1B2" * 10,
    "password in an address": "postgresql://user:" + "tr0ub4dor" + "@db/app",
    "random value": "SECRET_KEY=" + "q8Zr3vN1xT6bW0yJ5kPdGm2sLfHc9aUe",
}
PLAIN = (
    *("password: str = Field(max_length=1024)", "token = await read_the_token_of_the_request(request)", "SECRET_KEY="),
    *(
        "redis://:${REDIS_PASSWORD}@redis:6379/0",
        "f'postgresql://{user}:{password}@{host}'",
        "task-id-of-a-longer-name",
    ),
    "tokens_used = completion_tokens_details_reasoning_tokens",
)


@pytest.fixture(scope="module")
def held() -> list[tuple[str, str, str]]:
    """File, kind and value of everything that looks like one; each file is read once."""
    texts = ((place(path), path.read_bytes().decode(errors="ignore")) for path in files())
    return [(file, kind, value) for file, text in texts for kind, value in found(text)]


def test_no_file_holds_a_credential(held: list[tuple[str, str, str]]) -> None:
    strange = [f"{file}: {kind}: {value[:6]}…" for file, kind, value in held if value not in MADE_UP]
    assert strange == [], "take it out and change it where it is used; what opens nothing is named in MADE_UP"


def test_what_is_excused_is_still_there(held: list[tuple[str, str, str]]) -> None:
    # Here each stands once more.
    there = {value for file, _, value in held if file != place(Path(__file__).resolve())}
    assert MADE_UP - there == set()


def test_no_file_of_settings_is_kept() -> None:
    kinds = {".pem", ".key", ".p12", ".pfx", ".kdbx"}
    assert [place(path) for path in files() if path.suffix in kinds or path.name == ".env"] == []


@pytest.mark.parametrize("kind", [*KNOWN, "random value"])
def test_a_planted_one_is_found(kind: str) -> None:
    assert kind in {seen for seen, _ in found(f"before {PLANTED[kind]} after")}


@pytest.mark.parametrize("text", PLAIN)
def test_plain_code_is_none(text: str) -> None:
    assert list(found(text)) == []
