"""Signatures of all versions of models, a page at a time; for the upkeep, which acts for nobody."""

from uuid import UUID

from shared.database import Session

from .served_models import ServedModel

_PAGE = """
SELECT m.project_id, m.name, v.model_id, v.version, v.key, v.sha256, v.signature
FROM model_versions v
JOIN models m ON m.id = v.model_id
WHERE (v.model_id, v.version) > ($1, $2)
ORDER BY v.model_id, v.version
LIMIT $3
"""

_REPLACE = "UPDATE model_versions SET signature = $4 WHERE model_id = $1 AND version = $2 AND signature = $3"


async def page(session: Session, after: tuple[UUID, int], limit: int) -> list[ServedModel]:
    """Versions of all projects, in the order of model and number."""
    return await session.fetch_all(ServedModel, _PAGE, *after, limit)


async def replace(session: Session, found: ServedModel, signature: bytes) -> None:
    """Put another signature in the place of the one that was found."""
    await session.execute(_REPLACE, found.model_id, found.version, found.signature, signature)
