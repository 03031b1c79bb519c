"""What distinguishes an upload from others, for repeated requests: its fields and the hash of its file."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from pathlib import PurePath

import orjson

from shared.draining import drain
from shared.errors import APIException

from .form_stream import FieldValue, FileBytes, FileStart, read_form


def plain_name(filename: str) -> str:
    """A file's own name, whatever path its client put before it."""
    return PurePath(filename.replace("\\", "/")).name[:255]


def upload_content(values: Mapping[str, str], filename: str, sha256: str) -> bytes:
    """Equal for uploads that say the same, however their parts were ordered and divided."""
    return orjson.dumps([dict(values), filename, sha256], option=orjson.OPT_SORT_KEYS)


async def read_upload_content(content_type: str, body: AsyncIterator[bytes]) -> bytes:
    """The same of a body that has come once more: it is read to its end, and nothing of it is stored.

    Raises:
        UnsupportedMediaType, BadRequest, PayloadTooLarge: it is not a form that is taken.
    """
    values: dict[str, str] = {}
    filename, digest = "", hashlib.sha256()
    try:
        async for event in read_form(content_type, body):
            match event:
                case FieldValue(name, value):
                    values[name] = value
                case FileStart(_, name):
                    filename = plain_name(name)
                case FileBytes(data):
                    digest.update(data)
    except APIException:
        await drain(body)
        raise
    return upload_content(values, filename, digest.hexdigest())
