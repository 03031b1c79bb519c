"""One OpenAPI document out of several."""

from typing import Any

from shared.links import GATEWAY_ROUTES

from ..app.core.openapi import Document, Part, merge
from ..app.services.documentation import PARTIAL_SECONDS, WHOLE_SECONDS, Documentation
from .fakes import Clock, FakeUpstreams


def document(paths: dict[str, str], schemas: dict[str, Any] | None = None, tags: tuple[str, ...] = ()) -> Document:
    """A document whose paths answer with the named schema under the operation id of the path."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {
            path: {"get": {"operationId": "read", "responses": reference(schema)}} for path, schema in paths.items()
        },
        "components": {
            "schemas": schemas or {},
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
        },
        "tags": [{"name": tag} for tag in tags],
    }


def reference(schema: str) -> dict[str, Any]:
    return {"200": {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}}


OWN = document({"/api/v1/projects": "Page", "/health": "Page"}, {"Page": {"title": "own"}, "Problem": {"a": 1}})


def test_paths_become_public_and_private_ones_stay_away() -> None:
    data = document({"/manage/datasets/{id}": "D", "/health": "D", "/metrics": "D", "/uploads": "D"}, {"D": {}})
    merged = merge(OWN, [Part("data-service", data)], GATEWAY_ROUTES)
    assert list(merged["paths"]) == ["/api/v1/projects", "/health", "/api/v1/datasets/{id}"]


def test_a_service_speaks_only_for_its_own_prefixes() -> None:
    intruder = document({"/manage/datasets": "D", "/tasks": "D"}, {"D": {}})
    merged = merge(OWN, [Part("ai-service", intruder)], GATEWAY_ROUTES)
    assert "/api/v1/tasks" in merged["paths"]
    assert "/api/v1/datasets" not in merged["paths"]


def test_equal_components_are_shared_and_different_ones_renamed() -> None:
    data = document({"/upload/x": "Page"}, {"Page": {"title": "data"}, "Problem": {"a": 1}})
    merged = merge(OWN, [Part("data-service", data)], GATEWAY_ROUTES)
    schemas = merged["components"]["schemas"]
    assert schemas == {"Page": {"title": "own"}, "Problem": {"a": 1}, "DataPage": {"title": "data"}}
    assert merged["paths"]["/api/v1/upload/x"]["get"]["responses"] == reference("DataPage")
    assert merged["paths"]["/api/v1/projects"]["get"]["responses"] == reference("Page")


def test_equal_text_that_refers_to_a_different_component_is_renamed_too() -> None:
    outer = {"$ref": "#/components/schemas/Inner"}
    own = document({"/api/v1/projects": "Outer"}, {"Outer": outer, "Inner": {"title": "own"}})
    data = document({"/upload/x": "Outer"}, {"Outer": outer, "Inner": {"title": "data"}})
    schemas = merge(own, [Part("data-service", data)], GATEWAY_ROUTES)["components"]["schemas"]
    assert schemas["DataOuter"] == {"$ref": "#/components/schemas/DataInner"}
    assert schemas["Outer"] == outer


def test_references_are_followed_through_lists_and_mappings() -> None:
    union = {"anyOf": [{"$ref": "#/components/schemas/Inner"}, {"type": "null"}]}
    mapping = {"discriminator": {"mapping": {"a": "#/components/schemas/Inner"}}}
    own = document({"/api/v1/projects": "Union"}, {"Union": union, "Mapping": mapping, "Inner": {"title": "own"}})
    data = document({"/upload/x": "Union"}, {"Union": union, "Mapping": mapping, "Inner": {"title": "data"}})
    schemas = merge(own, [Part("data-service", data)], GATEWAY_ROUTES)["components"]["schemas"]
    assert schemas["DataUnion"]["anyOf"][0] == {"$ref": "#/components/schemas/DataInner"}
    assert schemas["DataMapping"]["discriminator"]["mapping"] == {"a": "#/components/schemas/DataInner"}


def test_operation_ids_are_unique_and_tags_united() -> None:
    data = document({"/upload/x": "D"}, {"D": {}}, ("data", "both"))
    ai = document({"/tasks": "D"}, {"D": {}}, ("both", "ai"))
    merged = merge(OWN, [Part("data-service", data), Part("ai-service", ai)], GATEWAY_ROUTES)
    ids = [item["get"]["operationId"] for path, item in merged["paths"].items() if path.startswith("/api/v1/")]
    assert ids == ["read", "data_service_read", "ai_service_read"]
    assert [tag["name"] for tag in merged["tags"]] == ["data", "both", "ai"]


def test_the_parts_are_left_as_they_were() -> None:
    data = document({"/upload/x": "Page"}, {"Page": {"title": "data"}})
    before = repr((OWN, data))
    merge(OWN, [Part("data-service", data)], GATEWAY_ROUTES)
    assert repr((OWN, data)) == before


def test_absent_parts_are_named() -> None:
    merged = merge(OWN, [Part("data-service", None), Part("ai-service", None)], GATEWAY_ROUTES)
    assert merged["x-unavailable"] == ["ai-service", "data-service"]
    assert list(merged["paths"]) == list(OWN["paths"])


class TestDocumentation:
    async def test_is_kept_for_a_while(self) -> None:
        upstreams = FakeUpstreams({"data-service": document({}), "ai-service": document({})})
        seconds = Clock()
        documentation = Documentation(lambda: OWN, upstreams, GATEWAY_ROUTES, clock=lambda: seconds.now.timestamp())
        first = await documentation.document()
        seconds.forward(WHOLE_SECONDS - 1)
        assert await documentation.document() is first
        assert upstreams.asked == 2
        seconds.forward(2)
        await documentation.document()
        assert upstreams.asked == 4

    async def test_a_part_that_was_away_is_asked_again_soon(self) -> None:
        upstreams = FakeUpstreams({"data-service": document({"/upload/x": "D"}, {"D": {}})})
        seconds = Clock()
        documentation = Documentation(lambda: OWN, upstreams, GATEWAY_ROUTES, clock=lambda: seconds.now.timestamp())
        assert b'"x-unavailable":["ai-service"]' in await documentation.document()
        upstreams.documents["ai-service"] = document({})
        seconds.forward(PARTIAL_SECONDS)
        assert b"x-unavailable" not in await documentation.document()
