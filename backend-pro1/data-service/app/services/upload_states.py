"""How far an upload in parts is, and what its state allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.errors import Conflict
from shared.object_store import ObjectStore

from ..repositories.uploads import Part, Upload

SESSION, PRESIGNED = "session", "presigned"
OPEN, COMPLETED = "open", "completed"
NAMED_PARTS = 10


@dataclass(frozen=True, slots=True)
class UploadState:
    """An upload and the parts of it that have arrived; `urls` by part, for one that has just been presigned."""

    upload: Upload
    parts: Sequence[Part]
    urls: Mapping[int, str] | None = None

    @property
    def missing(self) -> list[int]:
        """Numbers of the parts that have not arrived."""
        arrived = {part.number for part in self.parts}
        return [number for number in range(1, self.upload.parts_total + 1) if number not in arrived]

    @property
    def status(self) -> str:
        """What clients are told."""
        return "expired" if self.upload.status == OPEN and self.upload.is_expired else self.upload.status


def folder_of(upload: Upload) -> str:
    """The beginning of its parts' keys."""
    return f"{upload.project_id}/uploads/{upload.id}/"


def require_open(upload: Upload) -> None:
    """Let something be done with an upload that is under way.

    Raises:
        Conflict: `upload_completed`, `upload_expired`.
    """
    if upload.status == COMPLETED:
        raise Conflict("This upload is complete; nothing can be changed in it any more.", code="upload_completed")
    if upload.is_expired:
        raise Conflict(
            "This upload has expired, since nothing came for too long. Begin another.", code="upload_expired"
        )


def require_all(state: UploadState) -> None:
    """Let an upload pass of which every part has arrived in its size.

    Raises:
        Conflict: `upload_incomplete`.
    """
    if missing := state.missing:
        named = ", ".join(map(str, missing[:NAMED_PARTS])) + (", …" if len(missing) > NAMED_PARTS else "")
        raise Conflict(
            f"{len(missing)} of {state.upload.parts_total} parts are missing or have the wrong size: {named}. Send "
            "them, then complete the upload again.",
            code="upload_incomplete",
        )


async def arrived(store: ObjectStore, upload: Upload, parts: Sequence[Part]) -> list[Part]:
    """Those of `parts` that are there: all that were received here, and of those sent to the store what it has.

    Raises:
        ServiceUnavailable: the store is away.
    """
    if upload.kind == SESSION or upload.status == COMPLETED:
        return list(parts)
    sizes = {entry.key: entry.bytes async for entry in store.list(folder_of(upload))}
    found = [replace(part, bytes=sizes[part.key]) for part in parts if part.key in sizes]
    return [part for part in found if part.bytes == upload.bytes_of(part.number)]
