"""What the routes of every service ask for by type; `async`, since FastAPI calls in a thread what is not."""

from typing import Annotated

from fastapi import Depends, Header, Request

from shared.resources import Resources


async def resources(request: Request) -> Resources:
    """What this process holds open."""
    held: Resources = request.app.state.resources
    return held


async def request_id(request: Request) -> str | None:
    """The id under which this request is logged."""
    found: str | None = request.scope.get("state", {}).get("request_id")
    return found


ResourcesDep = Annotated[Resources, Depends(resources)]
RequestId = Annotated[str | None, Depends(request_id)]
IfMatch = Annotated[str | None, Header(description="Change only this state, named by its ETag; else 412.")]
IfNoneMatch = Annotated[str | None, Header(description="Answer 304 if this state, named by its ETag, is current.")]
