"""The specification read literally: three BaseHTTPMiddleware, a ZSET window, python-jose, one query a request."""

import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

import asyncpg
import redis.asyncio as redis
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt
from prometheus_client import Counter, Gauge, Histogram
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response

from .settings import ALGORITHM, DATABASE_URL, ORIGINS, REDIS_URL, SECRET

WINDOW_SECONDS = 60
LIMIT = 10**9
SLOW_SECONDS = 1.0
USER_SQL = "SELECT id, email, full_name, role, is_active, created_at FROM users WHERE id = $1"

REQUESTS = Counter("http_requests_total", "Requests.", ["method", "path", "status"])
SECONDS = Histogram("http_request_duration_seconds", "Time to answer.", ["method", "path"])
ACTIVE = Gauge("http_active_connections", "Requests being answered.")
log = logging.getLogger(__name__)


class UserRead(BaseModel):
    """The answer of GET /auth/me."""

    id: uuid.UUID
    email: str
    full_name: str | None
    role: str
    is_active: bool
    created_at: datetime


class RequestIdMiddleware(BaseHTTPMiddleware):
    """Give each request an id and return it."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Read or make the id, pass on, return it."""
        request_id = request.headers.get("X-Request-ID") or str(uuid.uuid4())
        request.state.request_id = request_id
        response = await call_next(request)
        response.headers["X-Request-ID"] = request_id
        return response


class MetricsMiddleware(BaseHTTPMiddleware):
    """Count and time requests, warn about slow ones."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Pass on, then count."""
        started = time.perf_counter()
        with ACTIVE.track_inprogress():
            response = await call_next(request)
        took = time.perf_counter() - started
        REQUESTS.labels(request.method, request.url.path, str(response.status_code)).inc()
        SECONDS.labels(request.method, request.url.path).observe(took)
        if took > SLOW_SECONDS:
            log.warning("slow request %s took %.3f s", request.url.path, took)
        return response


class RateLimitMiddleware(BaseHTTPMiddleware):
    """A sliding window of one sorted set for each address."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Refuse the caller whose window is full."""
        used = await self._count(request)
        if used > LIMIT:
            return JSONResponse({"detail": "Too many requests"}, 429, {"Retry-After": str(WINDOW_SECONDS)})
        response = await call_next(request)
        response.headers["X-RateLimit-Limit"] = str(LIMIT)
        response.headers["X-RateLimit-Remaining"] = str(LIMIT - used)
        return response

    async def _count(self, request: Request) -> int:
        key = f"rate:{request.client.host if request.client else 'unknown'}"
        now = time.time()
        async with request.app.state.redis.pipeline(transaction=True) as pipeline:
            pipeline.zremrangebyscore(key, 0, now - WINDOW_SECONDS)
            pipeline.zadd(key, {str(uuid.uuid4()): now})
            pipeline.zcard(key)
            pipeline.expire(key, WINDOW_SECONDS)
            answers = await pipeline.execute()
        return int(answers[2])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the pool and the Redis client."""
    async with asyncpg.create_pool(DATABASE_URL) as pool, redis.from_url(REDIS_URL) as client:
        app.state.pool, app.state.redis = pool, client
        yield


app = FastAPI(lifespan=lifespan)
app.add_middleware(RateLimitMiddleware)
app.add_middleware(MetricsMiddleware)
app.add_middleware(RequestIdMiddleware)
app.add_middleware(
    CORSMiddleware, allow_origins=ORIGINS, allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
)
bearer = HTTPBearer()


async def current_user(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]
) -> UserRead:
    """The user whom the token names."""
    try:
        user_id = uuid.UUID(jwt.decode(credentials.credentials, SECRET, algorithms=[ALGORITHM])["sub"])
    except (JWTError, KeyError, ValueError) as error:
        raise HTTPException(401, "Could not validate credentials") from error
    async with request.app.state.pool.acquire() as connection:
        row = await connection.fetchrow(USER_SQL, user_id)
    if row is None or not row["is_active"]:
        raise HTTPException(401, "Could not validate credentials")
    return UserRead(**row)


@app.get("/api/v1/auth/me", response_model=UserRead)
async def me(user: Annotated[UserRead, Depends(current_user)]) -> UserRead:
    """Who the caller is."""
    return user
