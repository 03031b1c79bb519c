"""A service made by the factory: errors, limits, health, metrics and documentation, around routes of its own."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import httpx
import pytest
import pytest_asyncio
from asgi_lifespan import LifespanManager
from fastapi import APIRouter, FastAPI, Query
from pydantic import SecretStr
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from shared.app_factory import create_service
from shared.config import Settings, get_settings
from shared.errors import Conflict
from shared.schemas import RequestModel, problems

pytestmark = pytest.mark.integration


class Secret(RequestModel):
    password: str
    ratio: float = 0


router = APIRouter()


@router.post("/echo", responses=problems(422))
async def echo(body: Secret) -> dict[str, float]:
    return {"ratio": body.ratio}


@router.get("/items/{item_id}")
async def item(item_id: int, limit: Annotated[int, Query(ge=1, le=10)] = 1) -> int:
    return item_id * limit


@router.put("/items/{item_id}")
async def put_item(item_id: int) -> int:
    return item_id


@router.get("/taken")
async def taken() -> None:
    raise Conflict("The name is taken.", code="name_taken")


@router.get("/broken")
async def broken() -> None:
    raise RuntimeError("postgresql://user:hunter2@host")


def build(**changes: object) -> FastAPI:
    settings: Settings = get_settings().model_copy(update={"cors_origins": ("https://app.example",), **changes})
    return create_service(
        name="test-service", title="Test", description="Routes of a test.", settings=settings, routers=[router]
    )


class Sink:
    """Keeps what it is told of requests."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int, int, object]] = []

    def add(self, scope: Scope, status: int, sent: int, _: float) -> None:
        self.taken.append((scope["path"], status, sent, scope["state"].get("bytes_in")))


async def hot(scope: Scope, _: Receive, send: Send) -> None:
    if scope["query_string"]:
        raise Conflict("Hot, but taken.", code="name_taken")
    await JSONResponse(scope["app"].title)(scope, _, send)


def open_client(app: FastAPI, address: str = "127.0.0.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://test")


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = build()
    async with LifespanManager(app, 60, 60), open_client(app) as client:
        yield client


def problem(answer: httpx.Response, status: int, code: str) -> Mapping[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: Mapping[str, object] = answer.json()
    assert document["code"] == code
    assert document["status"] == status
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


class TestErrors:
    async def test_absent_path(self, client: httpx.AsyncClient) -> None:
        problem(await client.get("/nothing"), 404, "not_found")

    @pytest.mark.parametrize("path", ["/taken%0A", "/items/7%0A", "/health%0A", "/metrics%0A", "/docs%0A", "/%0A"])
    async def test_a_line_break_at_the_end_makes_another_path(self, client: httpx.AsyncClient, path: str) -> None:
        problem(await client.get(path), 404, "not_found")

    async def test_wrong_method(self, client: httpx.AsyncClient) -> None:
        answer = await client.delete("/taken")
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "GET"
        assert (await client.delete("/items/7")).headers["allow"] == "GET, PUT"

    async def test_business_error(self, client: httpx.AsyncClient) -> None:
        assert problem(await client.get("/taken"), 409, "name_taken")["detail"] == "The name is taken."

    async def test_unexpected_error_tells_nothing(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/broken")
        problem(answer, 500, "internal_error")
        assert "hunter2" not in answer.text

    @pytest.mark.parametrize("path", ["/items/x", "/items/1?limit=0", "/items/1?limit=99"])
    async def test_bad_parameters_name_their_place(self, client: httpx.AsyncClient, path: str) -> None:
        document = problem(await client.get(path), 422, "validation_failed")
        assert document["errors"]

    @pytest.mark.parametrize("body", ["{", "", "nul", '{"password": "x"', '{"password": "x",}'])
    async def test_not_json(self, client: httpx.AsyncClient, body: str) -> None:
        answer = await client.post("/echo", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize(
        "body",
        [
            '{"password": "\\ud800"}',
            '{"password": ["hunter2"]}',
            '{"password": {"a": NaN}}',
            '{"password": "x", "ratio": 1e999}',
            '{"password": "x", "ratio": NaN}',
            '{"\\ud800": "hunter2", "password": "x"}',
            '{"password": "x\\u0000"}',
            "[" * 100_000,
        ],
    )
    async def test_values_that_cannot_be_are_refused_without_echo(self, client: httpx.AsyncClient, body: str) -> None:
        answer = await client.post("/echo", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422), answer.text
        assert "hunter2" not in answer.text

    async def test_a_body_over_the_limit(self, client: httpx.AsyncClient) -> None:
        problem(await client.post("/echo", json={"password": "x" * 2_000_000}), 413, "payload_too_large")


class TestLimits:
    async def test_the_request_after_the_last_is_told_when_to_return(self) -> None:
        app = build(rate_limit_anonymous=3)
        async with LifespanManager(app, 60, 60), open_client(app, "198.51.100.77") as client:
            await app.state.resources.redis.delete("window:test-service:anonymous:198.51.100.77")
            answers = [await client.get("/items/1") for _ in range(4)]
            assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
            assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
            problem(answers[3], 429, "rate_limited")
            assert int(answers[3].headers["retry-after"]) > 0
            assert (await client.get("/health")).status_code == 200

    async def test_without_redis_nothing_fails(self, settings: Settings) -> None:
        app = build(redis_url=SecretStr("redis://127.0.0.1:1/0"), database_url=settings.database_url)
        async with LifespanManager(app, 60, 60), open_client(app) as client:
            assert (await client.get("/items/2")).status_code == 200
            report = (await client.get("/ready")).json()
            assert report["ready"]
            assert report["dependencies"]["redis"]["status"] == "failed"
            assert report["status"] == "degraded"


class TestEdge:
    async def test_the_sink_hears_of_every_request_but_probes(self) -> None:
        sink = Sink()
        app = create_service(
            name="test-service",
            title="Test",
            description="",
            settings=get_settings(),
            routers=[router],
            request_sink=sink,
            hot_routes={("GET", "/hot"): hot},
        )
        async with LifespanManager(app, 60, 60), open_client(app) as client:
            await client.post("/echo", json={"password": "x"})
            for path in ("/health", "/hot", "/hot?x", "/nothing", "/broken"):
                await client.get(path)
        assert [(path, status) for path, status, _, _ in sink.taken] == [
            ("/echo", 200),
            ("/hot", 200),
            ("/hot", 409),
            ("/nothing", 404),
            ("/broken", 500),
        ]
        assert [received for *_, received in sink.taken] == [16, None, None, None, None]
        assert sink.taken[1][2] == len('"Test"')

    async def test_a_hot_route_has_all_that_others_have(self) -> None:
        app = create_service(
            name="test-service",
            title="Test",
            description="",
            settings=get_settings(),
            routers=[],
            hot_routes={("GET", "/hot"): hot},
        )
        async with LifespanManager(app, 60, 60), open_client(app) as client:
            answer = await client.get("/hot")
            assert answer.json() == "Test"
            assert {"x-request-id", "ratelimit", "ratelimit-policy", "x-ratelimit-limit"} <= answer.headers.keys()
            problem(await client.get("/hot?x"), 409, "name_taken")
            problem(await client.post("/hot"), 404, "not_found")
            assert 'path="/hot",status="409"' in (await client.get("/metrics")).text


class TestHealth:
    async def test_alive(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/health")).json()["service"] == "test-service"

    async def test_without_a_database_it_lives_but_is_not_ready(self) -> None:
        app = build(database_url=SecretStr("postgresql://a:hunter2@127.0.0.1:1/none"))
        async with LifespanManager(app, 60, 60), open_client(app) as client:
            assert (await client.get("/health")).status_code == 200
            answer = await client.get("/ready")
            assert answer.status_code == 503
            assert "hunter2" not in answer.text

    async def test_metrics_only_for_allowed_peers(self, client: httpx.AsyncClient) -> None:
        await client.get("/items/1")
        text = (await client.get("/metrics")).text
        assert 'path="/items/{item_id}"' in text
        assert "process_resident_memory_bytes" in text
        app = build()
        async with LifespanManager(app, 60, 60), open_client(app, "203.0.113.9") as outside:
            problem(await outside.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"}), 404, "not_found")


class TestDocumentation:
    async def test_it_needs_no_internet(self, client: httpx.AsyncClient) -> None:
        page = (await client.get("/docs")).text
        assert "//cdn" not in page
        assert '"validatorUrl": null' in page
        assert (await client.get("/docs/assets/swagger-ui.css")).status_code == 200
        document = (await client.get("/openapi.json")).json()
        assert document["components"]["schemas"]["Problem"]["properties"]["code"]

    async def test_cors_for_named_origins_only(self, client: httpx.AsyncClient) -> None:
        allowed = await client.get("/items/1", headers={"origin": "https://app.example"})
        assert allowed.headers["access-control-allow-origin"] == "https://app.example"
        assert {"ETag", "Idempotency-Replayed"} <= set(allowed.headers["access-control-expose-headers"].split(", "))
        wanted = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "idempotency-key, if-match",
        }
        asked = await client.options("/echo", headers={"origin": "https://app.example", **wanted})
        assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (200, "idempotency-key, if-match")
        for origin in ("https://evil.example", "null", "https://app.example.evil.example"):
            answer = await client.get("/items/1", headers={"origin": origin})
            assert "access-control-allow-origin" not in answer.headers
