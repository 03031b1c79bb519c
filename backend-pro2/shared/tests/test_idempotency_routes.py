"""Every POST of every service takes an Idempotency-Key, or is named here with the reason why not."""

import pytest

from shared.idempotency.attempts import HEADER
from shared.idempotency.documentation import describe_repetitions
from shared.testing.documents import Operation, operations

TOKENS = "answers with tokens, which are nowhere kept; a refresh has its own grace for lost answers"
ONCE = "a second time changes nothing, or says that it is done"
READS = "only reads"
MAILED = "always answers the same; a second mail only replaces the link of the first"

WITHOUT = {
    "auth_login": TOKENS,
    "auth_refresh": TOKENS,
    "auth_logout": ONCE,
    "auth_logout_all": ONCE,
    "auth_change_password": ONCE,
    "auth_reset_password": ONCE,
    "auth_verify_email": ONCE,
    "auth_forgot_password": MAILED,
    "auth_resend_verification": MAILED,
    "users_me_export": READS,
    "projects_archive": ONCE,
    "projects_restore": ONCE,
    "datasets_restore": ONCE,
    "datasets_drift": READS,
    "quality_suggest": READS,
    "upload_inspect": READS,
    "process_preview": READS,
    "process_query_validate": READS,
    "process_query_estimate": READS,
    "models_predict": READS,
    "models_explain": READS,
    "models_what_if": READS,
    "analysis_cancel": ONCE,
    "analysis_ask_feedback": ONCE,
    "tasks_cancel": ONCE,
}


def takes_key(operation: Operation) -> bool:
    return any(parameter["name"] == HEADER for parameter in operation.entry.get("parameters", ()))


def posts() -> dict[str, Operation]:
    return {operation.entry["operationId"]: operation for operation in operations() if operation.method == "post"}


def test_every_post_has_decided() -> None:
    undecided = {name for name, operation in posts().items() if not takes_key(operation)} - WITHOUT.keys()
    assert undecided == set(), "end these in `return await once(...)`, or say above why they need no Idempotency-Key"


def test_no_reason_outlives_its_route() -> None:
    without = {name for name, operation in posts().items() if not takes_key(operation)}
    assert WITHOUT.keys() - without == set()


def test_nothing_else_takes_a_key() -> None:
    assert [str(operation) for operation in operations() if operation.method != "post" and takes_key(operation)] == []


def test_a_route_that_takes_a_key_says_what_comes_of_it() -> None:
    taking = [operation for operation in posts().values() if takes_key(operation)]
    assert len(taking) >= 5
    for operation in taking:
        responses = operation.entry["responses"]
        assert {"409", "422"} <= responses.keys(), operation
        good = [response for status, response in responses.items() if status.startswith("2")]
        assert all("Idempotency-Replayed" in response["headers"] for response in good), operation


@pytest.mark.parametrize("name", [HEADER, "another"])
def test_only_routes_with_the_header_are_described(name: str) -> None:
    route = {"parameters": [{"name": name}], "responses": {"201": {}, "404": {}}}
    describe_repetitions({"paths": {"/things": {"post": route}}})
    assert ("409" in route["responses"]) == (name == HEADER)
