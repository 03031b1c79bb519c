"""The database, the user row and the token of the two baseline applications."""

import time
import uuid

import jwt
import psycopg
from psycopg import sql

from .settings import ALGORITHM

TABLE = """
CREATE TABLE IF NOT EXISTS users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    full_name     text,
    role          text NOT NULL DEFAULT 'user',
    is_active     boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now()
)
"""
INSERT = "INSERT INTO users (id, email, password_hash, full_name) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
NEIGHBOURS = 1000


def create_database(server_url: str, name: str) -> None:
    """Make the database `name` anew on the server of `server_url`."""
    identifier = sql.Identifier(name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))


def drop_database(server_url: str, name: str) -> None:
    """Remove what `create_database` made."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def insert_user(database_url: str, email: str, full_name: str) -> uuid.UUID:
    """Fill the table with one thousand neighbours and one user, whose id is returned."""
    user_id = uuid.uuid4()
    neighbours = [(uuid.uuid4(), f"user{n}@example.com", "x" * 60, f"User {n}") for n in range(NEIGHBOURS)]
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.executemany(INSERT, [*neighbours, (user_id, email, "x" * 60, full_name)])
    return user_id


def issue_token(user_id: uuid.UUID, secret: str) -> str:
    """An access token with the usual claims, valid for a day."""
    now = int(time.time())
    claims = {"sub": str(user_id), "type": "access", "jti": str(uuid.uuid4()), "iat": now, "exp": now + 86_400}
    token: str = jwt.encode(claims, secret, algorithm=ALGORITHM)
    return token
