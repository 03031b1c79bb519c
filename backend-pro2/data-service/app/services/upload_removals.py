"""Uploads that are over: called off, or left alone for too long. Their parts go first, then what tells of them."""

from uuid import UUID

from shared.database import Database
from shared.logging import get_logger
from shared.object_store import ObjectStore
from shared.removed_objects import remove_objects
from shared.resources import Resources

from ..repositories import uploads
from .upload_states import COMPLETED

log = get_logger(__name__)

SWEEP_SECONDS = 300.0
PAGE = 100
ABORTED = "aborted"


async def remove_over(resources: Resources) -> None:
    """A chore, harmless when repeated or when several workers do it at once.

    Of an upload that was completed only the row goes; its objects belong to a version.

    Raises:
        ServiceUnavailable: the store, or the database, is away; the next pass goes on.
    """
    removed = 0
    while page := await _page(resources.database):
        for upload in page:
            if upload.status == COMPLETED:
                async with resources.database.transaction() as session:
                    await uploads.forget(session, upload.id, COMPLETED)
            else:
                await _end(resources, upload.id)
        removed += len(page)
    if removed:
        log.info("uploads_removed", uploads=removed)


async def remove_aborted(database: Database, store: ObjectStore, upload_id: UUID) -> None:
    """Remove the parts of an upload that was called off, then the upload.

    Raises:
        ServiceUnavailable: the store is away.
    """
    async with database.transaction(read_only=True) as session:
        parts = await uploads.parts(session, upload_id)
    await remove_objects(database, store, *[part.key for part in parts])
    async with database.transaction() as session:
        await uploads.forget(session, upload_id, ABORTED)


async def _page(database: Database) -> list[uploads.OverUpload]:
    async with database.transaction(read_only=True) as session:
        return await uploads.over(session, PAGE)


async def _end(resources: Resources, upload_id: UUID) -> None:
    async with resources.database.transaction() as session:
        aborted = await uploads.abort_expired(session, upload_id)
    if aborted:
        await remove_aborted(resources.database, resources.object_store, upload_id)
