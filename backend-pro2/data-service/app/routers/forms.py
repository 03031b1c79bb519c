"""Multipart forms in the document. FastAPI would read them itself, into memory and temporary files, if it knew them."""

from collections.abc import Mapping, Sequence
from typing import Any

OPTIONS: dict[str, Any] = {
    "type": "string",
    "contentMediaType": "application/json",
    "description": "How to read the file, as a JSON object of the members of `IngestOptions`; the rest is found out.",
    "examples": ['{"delimiter": ";", "decimal": ","}'],
}
FILE: dict[str, Any] = {
    "type": "string",
    "format": "binary",
    "description": "CSV, TSV, JSON, JSON Lines, Parquet, XLSX or ARFF; text also as gz, zst or zip.",
}


def form_body(properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """The `openapi_extra=` of a route that takes a file, options and these fields."""
    schema = {
        "type": "object",
        "required": ["file", *required],
        "properties": {**properties, "file": FILE, "options": OPTIONS},
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
