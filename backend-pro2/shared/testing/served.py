"""A service as it is really served: `python -m shared.serve` in a process of its own, at a free port."""

import asyncio
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

# Nobody listens there: what a gateway serves of its own needs none of them.
NOWHERE = {
    "ENV_FILE": "/dev/null",
    "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "S3_ENDPOINT_URL": "http://127.0.0.1:1",
}


@asynccontextmanager
async def serving(output: int = DEVNULL, **variables: str) -> AsyncIterator[tuple[Process, int]]:
    """A gateway with these settings while the block runs, and its port; it is killed if it has not ended by then.

    What it says goes to the descriptor `output`.
    """
    process, port = await _started(output, variables)
    try:
        yield process, port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _started(output: int, variables: dict[str, str]) -> tuple[Process, int]:
    """A gateway that listens. A free port may be somebody's own by then, and the next one is tried."""
    for _ in range(10):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        settings = {**NOWHERE, "API_GATEWAY_PORT": str(port), **variables}
        command = [sys.executable, "-m", "shared.serve", "api-gateway.app.main:app"]
        process = await asyncio.create_subprocess_exec(*command, env=settings, stdout=output, stderr=DEVNULL)
        if await _listens(process, port):
            return process, port
    raise AssertionError("it never came to listen")


async def _listens(process: Process, port: int) -> bool:
    """Whether it does before it ends; one that does neither is killed by the test's time limit."""
    while process.returncode is None:
        with suppress(OSError):
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return True
        await asyncio.sleep(0.1)
    return False
