"""One part of an upload arrives: stored under a key of its own, checked, and only then counted."""

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from shared.draining import drain
from shared.errors import APIException, Conflict, Invalid, ServiceUnavailable
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.object_store import StoredObject
from shared.removed_objects import remove_objects
from shared.resources import Resources

from ..repositories import uploads
from ..repositories.uploads import Part, Upload
from .upload_sessions import held, shown
from .upload_states import PRESIGNED, folder_of, require_open

DIGEST_BYTES = 32
_SHA256 = re.compile(r"(?:^|,)\s*sha-256\s*=\s*(:[A-Za-z0-9+/=]*:)?")


@dataclass(frozen=True, slots=True)
class PartBody:
    """A part on its way; `announced` is its length in bytes where it is known, `sha256` what it must hash to."""

    body: AsyncIterator[bytes]
    announced: int | None
    digest: str | None


class UploadParts:
    """Use case of `PUT /upload/sessions/{id}/parts/{n}`."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database
        self._store = resources.object_store
        self._seconds = resources.settings.upload_session_hours * 3600

    async def put(self, upload_id: UUID, number: int, caller_id: UUID, sent: PartBody) -> Part:
        """Store the part, in place of one of that number that came before.

        Raises:
            NotFound, Forbidden, ProjectArchived: the upload.
            Conflict: `upload_completed`, `upload_expired`, `upload_presigned`.
            Invalid: `unknown_part`, `wrong_part_size`, `invalid_digest`, `digest_mismatch`; nothing of it is kept.
        """
        try:
            expected = expected_sha256(sent.digest)
            upload = await self._admit(upload_id, number, caller_id)
            size = upload.bytes_of(number)
            if sent.announced is not None and sent.announced != size:
                raise wrong_size(number, size, sent.announced)
            key = f"{folder_of(upload)}{new_id()}"
            stored = await self._store.put_stream(key, exactly(sent.body, number, size))
            return await self._record(upload_id, number, caller_id, stored, expected)
        except ServiceUnavailable:
            raise
        except APIException:
            await drain(sent.body)
            raise

    async def _admit(self, upload_id: UUID, number: int, caller_id: UUID) -> Upload:
        """A first look, before anything is stored; what decides is the commit."""
        async with self._database.transaction(read_only=True) as session:
            upload = await shown(session, upload_id, caller_id)
            await require_project(session, upload.project_id, caller_id, minimum=ProjectRole.EDITOR, hold=False)
        require_open(upload)
        if upload.kind == PRESIGNED:
            raise Conflict("Send the parts of this upload to the URLs that came with it.", code="upload_presigned")
        if number > upload.parts_total:
            raise Invalid(f"The file has {upload.parts_total} parts; there is no part {number}.", code="unknown_part")
        return upload

    async def _record(
        self, upload_id: UUID, number: int, caller_id: UUID, stored: StoredObject, expected: str | None
    ) -> Part:
        part, is_committing = Part(number, stored.key, stored.bytes, stored.sha256), False
        try:
            require_digest(part, expected)
            async with self._database.transaction() as session:
                require_open(await held(session, upload_id, caller_id))
                replaced = await uploads.put_part(session, upload_id, part, self._seconds)
                is_committing = True
        except BaseException:
            # Whether a commit that was sent has happened is not known; if not, the sweep finds the object.
            if not is_committing:
                await asyncio.shield(asyncio.create_task(self._discard(stored.key)))
            raise
        if replaced is not None:
            with suppress(ServiceUnavailable):
                await remove_objects(self._database, self._store, replaced)
        return part

    async def _discard(self, key: str) -> None:
        with suppress(ServiceUnavailable):
            await self._store.remove(key)


def expected_sha256(content_digest: str | None) -> str | None:
    """The SHA-256 in a Content-Digest field (RFC 9530), in hexadecimal; None where it holds none.

    Raises:
        Invalid: `invalid_digest`.
    """
    found = _SHA256.search(content_digest or "")
    if found is None:
        return None
    try:
        digest = base64.b64decode((found[1] or "").strip(":"), validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        raise Invalid(
            "Content-Digest must hold the SHA-256 in base64 between colons: sha-256=:…:.", code="invalid_digest"
        )
    return digest.hex()


def require_digest(part: Part, expected: str | None) -> None:
    """Let a part pass that hashes to what was announced, if anything was.

    Raises:
        Invalid: `digest_mismatch`.
    """
    if expected not in (None, part.sha256):
        raise Invalid(
            f"Part {part.number} arrived with the SHA-256 {part.sha256}, which is not that of Content-Digest. Send it "
            "again.",
            code="digest_mismatch",
        )


async def exactly(body: AsyncIterator[bytes], number: int, size: int) -> AsyncIterator[bytes]:
    """The bytes of part `number`, which are `size` in the end.

    Raises:
        Invalid: `wrong_part_size`.
    """
    came = 0
    async for chunk in body:
        came += len(chunk)
        if came > size:
            raise wrong_size(number, size, came)
        yield chunk
    if came < size:
        raise wrong_size(number, size, came)


def wrong_size(number: int, size: int, came: int) -> Invalid:
    """The error for a part of another size than it must have."""
    return Invalid(
        f"Part {number} must have {size} bytes; {came} came or were announced. Every part but the last is `part_size` "
        "long, and the last is the rest.",
        code="wrong_part_size",
    )
