"""Every operation says what a client, or a generator of clients, wants to know."""

from typing import Any

from shared.testing.documents import Operation, document, operations

PUBLIC = ("/health", "/health/detailed", "/ready")
JSON = "application/json"


def resolved(service: str, schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document(service)["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def has_example(service: str, schema: dict[str, Any]) -> bool:
    found = resolved(service, schema)
    if "example" in found or "examples" in found:
        return True
    items = found.get("properties", {}).get("items") or found.get("items")
    return items is not None and has_example(service, items)


def lacks_example(operation: Operation, content: dict[str, Any]) -> bool:
    body = content.get(JSON)
    if body is None:
        return False
    return not ({"example", "examples"} & body.keys() or has_example(operation.service, body["schema"]))


def lacks_examples(operation: Operation) -> bool:
    answers = [answer for status, answer in operation.entry["responses"].items() if status.startswith("2")]
    parts = [operation.entry.get("requestBody", {}), *answers]
    return any(lacks_example(operation, part.get("content", {})) for part in parts)


def expected_problems(operation: Operation) -> set[str]:
    expected = set() if operation.path in PUBLIC else {"429"}
    expected |= {"401"} if operation.entry.get("security") else set()
    expected |= {"422"} if operation.entry.get("parameters") else set()
    return expected | (
        {"400", "413", "422"} if JSON in operation.entry.get("requestBody", {}).get("content", {}) else set()
    )


def test_every_operation_has_a_name_a_summary_and_a_description() -> None:
    wanted = {"operationId", "summary", "description", "tags"}
    assert [str(operation) for operation in operations() if not wanted <= operation.entry.keys()] == []


def test_every_query_and_header_parameter_is_described() -> None:
    assert [
        f"{operation}: {parameter['name']}"
        for operation in operations()
        for parameter in operation.entry.get("parameters", ())
        if parameter["in"] != "path" and not parameter.get("description")
    ] == []


def test_every_body_and_every_answer_has_an_example() -> None:
    assert [str(operation) for operation in operations() if lacks_examples(operation)] == []


def test_every_operation_names_the_problems_it_answers_with() -> None:
    assert {
        str(operation): missing
        for operation in operations()
        if (missing := expected_problems(operation) - operation.entry["responses"].keys())
    } == {}


def test_operation_ids_are_unique_in_a_service() -> None:
    named = [(operation.service, operation.entry["operationId"]) for operation in operations()]
    assert len(named) == len(set(named))


def test_streams_are_described_by_their_events() -> None:
    contents = [operation.entry["responses"].get("200", {}).get("content", {}) for operation in operations()]
    streams = [content["text/event-stream"] for content in contents if "text/event-stream" in content]
    # A schema beside it would be read as that of the whole, or of each event, as it pleases the reader.
    assert [stream.keys() - {"example"} for stream in streams] == [{"itemSchema"}] * 4
