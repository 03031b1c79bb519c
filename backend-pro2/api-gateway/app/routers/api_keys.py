"""/api/v1/auth/api-keys: credentials for programs."""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.idempotency import Once
from shared.identity import SessionCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import JSON, ApiKeysDep
from ..schemas.api_keys import ApiKey, ApiKeyCreate, CreatedApiKey
from .auth import NO_STORE

router = APIRouter(prefix="/api/v1/auth/api-keys", tags=["auth"])


@router.get(
    "",
    operation_id="auth_api_keys_list",
    summary="Your API keys",
    response_model=Page[ApiKey],
    responses=problems(401, 403, 422, 429, 503),
)
async def list_api_keys(caller: SessionCaller, page: PageQuery, api_keys: ApiKeysDep) -> Page[ApiKey]:
    """Newest first, without those that were revoked."""
    return await api_keys.page(caller, page.limit, page.cursor)


@router.post(
    "",
    operation_id="auth_api_keys_create",
    summary="Make an API key",
    status_code=201,
    response_model=CreatedApiKey,
    responses=problems(400, 401, 403, 409, 413, 422, 429, 503),
)
async def create_api_key(body: ApiKeyCreate, caller: SessionCaller, api_keys: ApiKeysDep, once: Once) -> Response:
    """The key itself is in this answer and nowhere else: keep it. At most fifty live keys a user."""
    return await once(_created, api_keys.create, caller, body)


@router.delete(
    "/{key_id}",
    operation_id="auth_api_keys_revoke",
    summary="Revoke an API key",
    status_code=204,
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def revoke_api_key(key_id: UUID, caller: SessionCaller, api_keys: ApiKeysDep) -> None:
    """It stops working at once."""
    await api_keys.revoke(caller, key_id)


def _created(key: CreatedApiKey) -> Response:
    return Response(key.model_dump_json(), status_code=201, headers=NO_STORE, media_type=JSON)
