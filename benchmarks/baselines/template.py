"""The way of the public full-stack FastAPI template, reproduced small: SQLModel, a sync session per request, PyJWT.

Like its model it has CORS and no request id, metrics or rate limit, so it does less than the other two.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from pydantic import ValidationError
from sqlalchemy import DateTime
from sqlmodel import Field, Session, SQLModel, create_engine
from starlette.middleware.cors import CORSMiddleware

from .settings import ALGORITHM, DATABASE_URL, ORIGINS, SECRET


class UserBase(SQLModel):
    """What the table and the answer share."""

    email: str = Field(unique=True, index=True, max_length=255)
    is_active: bool = True
    role: str = "user"
    full_name: str | None = Field(default=None, max_length=255)


class User(UserBase, table=True):
    """A row of `users`."""

    __tablename__ = "users"
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    password_hash: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class UserPublic(UserBase):
    """The answer of GET /auth/me."""

    id: uuid.UUID
    created_at: datetime


class TokenPayload(SQLModel):
    """The claims of an access token."""

    sub: uuid.UUID | None = None


engine = create_engine(DATABASE_URL.replace("postgresql://", "postgresql+psycopg://"))
oauth2 = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/login")
app = FastAPI()
app.add_middleware(
    CORSMiddleware, allow_origins=ORIGINS, allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
)


def database_session() -> Iterator[Session]:
    """One session for the request."""
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(database_session)]
TokenDep = Annotated[str, Depends(oauth2)]


def current_user(session: SessionDep, token: TokenDep) -> User:
    """The user whom the token names."""
    try:
        payload = TokenPayload(**jwt.decode(token, SECRET, algorithms=[ALGORITHM]))
    except (jwt.InvalidTokenError, ValidationError) as error:
        raise HTTPException(403, "Could not validate credentials") from error
    user: User | None = session.get(User, payload.sub)
    if user is None or not user.is_active:
        raise HTTPException(404, "User not found")
    return user


@app.get("/api/v1/auth/me", response_model=UserPublic)
def me(user: Annotated[User, Depends(current_user)]) -> Any:
    """Who the caller is."""
    return user
