"""One of several processes that serve a service: it keeps its figures for the others, and ends with their parent."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from shared.logging import get_logger
from shared.metrics import REGISTRY
from shared.metrics.exposition import Exposition
from shared.metrics.frozen import gauge_modes
from shared.metrics.siblings import FOLDER_VARIABLE, PARENT_VARIABLE, Siblings

log = get_logger(__name__)

PARENT_SECONDS = 1.0


@asynccontextmanager
async def among_siblings(exposition: Exposition) -> AsyncIterator[None]:
    """Answer for all processes of the service while the block runs, if it has several."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        yield
        return
    # Not `getppid`: it may have been killed while this process started.
    parent = int(os.environ[PARENT_VARIABLE])
    siblings = exposition.siblings = Siblings(Path(folder), exposition.collect, gauge_modes(REGISTRY))
    tasks = [asyncio.create_task(siblings.keep()), asyncio.create_task(_leave_with(parent))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if os.getppid() == parent:
            await siblings.write()
        else:
            # The parent would have removed it.
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _leave_with(parent: int) -> None:
    # uvicorn's workers outlive a parent that is killed, and keep the port from the next one.
    while os.getppid() == parent:  # noqa: ASYNC110 - nobody says when
        await asyncio.sleep(PARENT_SECONDS)
    log.warning("parent_gone")
    signal.raise_signal(signal.SIGTERM)
