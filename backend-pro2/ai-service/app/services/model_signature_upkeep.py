"""Signatures of models follow the instance's key, so that a retired one may be dropped."""

from uuid import UUID

from shared.logging import get_logger
from shared.resources import Resources

from ..repositories import model_signatures
from .model_signatures import ModelNotGenuine, ModelSigner

log = get_logger(__name__)

RESIGN_SECONDS = 300.0
PAGE = 200
FIRST = (UUID(int=0), 0)


async def sign_anew(resources: Resources) -> None:
    """Sign with the present SECRET_KEY what a retired one has signed; harmless when several workers do it at once."""
    if not resources.settings.secret_keys_previous:
        return
    signer = ModelSigner(resources.settings)
    after: tuple[UUID, int] | None = FIRST
    while after is not None:
        after = await _page_signed_anew(resources, signer, after)


async def _page_signed_anew(
    resources: Resources, signer: ModelSigner, after: tuple[UUID, int]
) -> tuple[UUID, int] | None:
    async with resources.database.transaction() as session:
        page = await model_signatures.page(session, after, PAGE)
        for found in page:
            try:
                signature = signer.renewed(found)
            except ModelNotGenuine:
                log.warning("model_not_genuine", model_id=str(found.model_id), version=found.version)
                continue
            if signature is not None:
                await model_signatures.replace(session, found, signature)
    return (page[-1].model_id, page[-1].version) if len(page) == PAGE else None
