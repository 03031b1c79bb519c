"""A service with creating routes, for tests of repeated requests; a thing is a row of `projects`.

`STAGES` names what happens when a use case comes so far. As a program (`uvicorn shared.testing.things_app:served`) it
dies like a killed process at the stage that the request names.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import ConfigDict, Field

from shared.app_factory import create_service
from shared.conditional import json_answer
from shared.config import Settings, get_settings
from shared.errors import Conflict
from shared.idempotency import Once, OnceByAddress, keep_answer
from shared.identity import CurrentCaller
from shared.ids import new_id
from shared.resources import Resources
from shared.schemas import ApiModel, RequestModel, problems

REFUSED = "refused"

Stage = Callable[[], Awaitable[None]]
STAGES: dict[str, Stage] = {}

router = APIRouter(prefix="/things", tags=["things"])


class NewThing(RequestModel):
    """What is asked for."""

    name: str = Field(min_length=1, max_length=120)
    password: str = Field("", max_length=100)

    model_config = ConfigDict(json_schema_extra={"example": {"name": "A thing"}})


class Thing(ApiModel):
    """What there is; `secret` is shown once."""

    id: UUID
    name: str
    secret: str
    finished: bool = False


class Things:
    """Use cases."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def create(self, new: NewThing) -> Thing:
        """Make a thing."""
        thing = Thing(id=new_id(), name=new.name, secret=f"secret-{new_id()}")
        await reach("begun")
        async with self._database.transaction() as session:
            await session.execute("INSERT INTO projects (id, name) VALUES ($1, $2)", thing.id, thing.name)
            if new.name == REFUSED:
                raise Conflict("There must be no such thing.")
            await keep_answer(session, thing)
            await reach("kept")
        await reach("committed")
        return thing

    async def create_finished(self, new: NewThing) -> Thing:
        """Make a thing, and wait until it is finished."""
        return (await self.create(new)).model_copy(update={"finished": True})


async def reach(stage: str) -> None:
    """Whatever the test wants to happen here."""
    if stage in STAGES:
        await STAGES[stage]()


def _things(request: Request) -> Things:
    return Things(request.app.state.resources)


ThingsDep = Annotated[Things, Depends(_things)]


@router.post("", operation_id="things_create", summary="Make", status_code=201, responses=problems(422))
async def create(new: NewThing, _: CurrentCaller, things: ThingsDep, once: Once) -> Response:
    """Make a thing."""
    return await once(_made, things.create, new)


@router.post("/finished", operation_id="things_finished", summary="Make", status_code=201)
async def create_finished(new: NewThing, _: CurrentCaller, things: ThingsDep, once: Once) -> Response:
    """Make a thing and wait for it."""
    return await once(_made, things.create_finished, new)


@router.post("/anonymous", operation_id="things_anonymous", summary="Make", status_code=201)
async def create_anonymously(new: NewThing, things: ThingsDep, once: OnceByAddress) -> Response:
    """Make a thing without having logged in."""
    return await once(_made, things.create, new)


def _made(thing: Thing) -> Response:
    return json_answer(thing, 200 if thing.finished else 201, {"Location": f"/things/{thing.id}"})


def create_app(settings: Settings, resources: Resources | None = None) -> FastAPI:
    """The service."""
    return create_service(
        name="things",
        title="Things",
        description="For tests.",
        settings=settings,
        routers=[router],
        resources=resources,
    )


def served() -> FastAPI:
    """The service as a process of its own."""
    app = create_app(get_settings())

    @app.middleware("http")
    async def arm(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        STAGES.clear()
        if (stage := request.headers.get("x-die-at")) is not None:
            STAGES[stage] = _die
        return await proceed(request)

    return app


async def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
