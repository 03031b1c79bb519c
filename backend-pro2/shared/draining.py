"""What becomes of a body that nobody wants: a client that is still sending reads no answer."""

from collections.abc import AsyncIterator

DRAINED_BYTES = 8 * 1024 * 1024


async def drain(body: AsyncIterator[bytes]) -> None:
    """Let the rest of a body in, up to 8 MiB, so that its client comes to read why it was refused."""
    left = DRAINED_BYTES
    async for chunk in body:
        left -= len(chunk)
        if left <= 0:
            return
