"""Swagger UI at /docs from files of our own, so that it works without internet; the Problem schema for all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from shared.idempotency.documentation import describe_repetitions
from shared.schemas import Problem

ASSETS = Path(__file__).parent / "static" / "swagger-ui"


def add_documentation(app: FastAPI) -> None:
    """Serve /docs and name the Problem schema in /openapi.json."""
    app.mount("/docs/assets", StaticFiles(directory=ASSETS), name="docs-assets")
    app.openapi = _with_problem_schema(app.openapi)  # type: ignore[method-assign]

    @app.get("/docs", include_in_schema=False)
    async def docs(_: Request) -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=f"{app.title} reference",
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon-32x32.png",
            # Its default sends the document's address to a validator on the internet.
            swagger_ui_parameters={"validatorUrl": None},
        )


def _with_problem_schema(generate: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema(ref_template="#/components/schemas/{model}"))
        describe_repetitions(document)
        return document

    return openapi
