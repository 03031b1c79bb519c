"""What an instance needs before its services start: its bucket. Run it from the project folder, after the migrations.

    python -m alembic -c scripts/alembic.ini upgrade head
    python -m shared.prepare
"""

import asyncio
import sys
import time

from shared.config import Settings, get_settings
from shared.errors import ServiceUnavailable
from shared.object_store.store import ObjectStore

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5


async def make_bucket(settings: Settings, seconds: float = PATIENCE_SECONDS) -> None:
    """Create the bucket unless it is there; waits so long for the object store.

    Raises:
        ServiceUnavailable: it does not answer, or refuses us.
    """
    store = ObjectStore(settings)
    deadline = time.monotonic() + seconds
    try:
        while True:
            try:
                return await store.ensure_bucket()
            except ServiceUnavailable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await store.close()


if __name__ == "__main__":
    chosen = get_settings()
    try:
        asyncio.run(make_bucket(chosen))
    except ServiceUnavailable as error:
        sys.exit(f"the bucket {chosen.s3_bucket} could not be made: {error.detail}")
