"""Files that arrive in parts, or from a URL, as clients announce and see them."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from shared.schemas import ApiModel, RequestModel, one_line

from .datasets import DatasetName, Description, Tags
from .ingest_options import IngestOptions
from .uploads import KeyColumns, VersionMode, comma_separated, require_key

_PROJECT_ID = "01890a5d-9f00-7c1e-9d8a-2f1e6b7c8d90"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_AT = "2026-01-31T12:00:00.123456Z"
_STATE: dict[str, JsonValue] = {
    "id": "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11",
    "kind": "session",
    "status": "open",
    "project_id": _PROJECT_ID,
    "dataset_id": None,
    "filename": "prices.csv",
    "bytes": 40000000,
    "sha256": None,
    "part_size": 16777216,
    "parts_total": 3,
    "parts": [{"number": 1, "bytes": 16777216, "sha256": _SHA256}],
    "missing": [2, 3],
    "created_at": _AT,
    "updated_at": _AT,
    "expires_at": "2026-02-01T12:00:00.123456Z",
}
LARGEST_FILE = 2**53 - 1

Filename = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(one_line)]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{64}$", to_lower=True)]
TagList = Annotated[Tags, BeforeValidator(comma_separated)]


class UploadOrder(RequestModel):
    """A file that will arrive in parts: a new dataset of a project, or a new version of a dataset."""

    project_id: UUID | None = Field(None, description="Where the new dataset goes; or else give `dataset_id`.")
    dataset_id: UUID | None = Field(None, description="The dataset that gets a new version.")
    filename: Filename
    bytes: int = Field(ge=1, le=LARGEST_FILE, description="Size of the whole file.")
    sha256: Sha256 | None = Field(
        None, description="Of the whole file, in hexadecimal; the ingest fails with `checksum_mismatch` if it differs."
    )
    part_size: int | None = Field(
        None, ge=1, description="Bytes of each part but the last: from 1 MiB to 5 GiB; without it the server chooses."
    )
    name: DatasetName | None = Field(None, description="Of the new dataset; without it the file's name.")
    description: Description = ""
    tags: TagList = Field(default_factory=list)
    options: IngestOptions | None = None
    mode: VersionMode | None = Field(None, description="What the new version does with the rows that are there.")
    key: KeyColumns = Field(default_factory=list, description="Columns that tell rows apart, for `upsert`.")

    model_config = ConfigDict(
        json_schema_extra={"example": {"project_id": _PROJECT_ID, "filename": "prices.csv", "bytes": 40000000}}
    )

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.project_id is None) == (self.dataset_id is None):
            raise ValueError("give either `project_id`, for a new dataset, or `dataset_id`, for a new version")
        if (self.dataset_id is None) != (self.mode is None):
            raise ValueError("`mode` and `dataset_id` belong together")
        if self.dataset_id is not None and (self.name or self.description or self.tags):
            raise ValueError("`name`, `description` and `tags` are those of a new dataset")
        require_key(self.mode, self.key)
        return self

    def fields(self) -> dict[str, Any]:
        """What the file will be, as the upload's row keeps it."""
        options = {} if self.options is None else self.options.model_dump(exclude_none=True)
        if self.dataset_id is not None:
            return {"dataset_id": str(self.dataset_id), "mode": self.mode, "key": self.key, "options": options}
        return {"name": self.name, "description": self.description, "tags": self.tags, "options": options}


class Completion(RequestModel):
    """Nothing has to be said."""

    model_config = ConfigDict(json_schema_extra={"example": {}})


class PartModel(ApiModel):
    """A part that has arrived; `sha256` is null where it went to the store directly."""

    number: int
    bytes: int
    sha256: str | None = None

    model_config = ConfigDict(json_schema_extra={"example": {"number": 1, "bytes": 16777216, "sha256": _SHA256}})


class UploadModel(ApiModel):
    """An upload in parts and how far it is; `dataset_id` is what it became or is to become a version of."""

    id: UUID
    kind: Literal["session", "presigned"]
    status: Literal["open", "completed", "expired"]
    project_id: UUID
    dataset_id: UUID | None
    filename: str
    bytes: int
    sha256: str | None
    part_size: int
    parts_total: int
    parts: list[PartModel]
    missing: list[int] = Field(description="Numbers of the parts that have not arrived.")
    created_at: datetime
    updated_at: datetime
    expires_at: datetime

    model_config = ConfigDict(json_schema_extra={"example": _STATE})


class PartUrl(ApiModel):
    """Where one part goes: send `bytes` bytes with this method and these headers, and no credentials.

    The Content-Length is signed too: the store refuses a body of another length, or of one that is not announced.
    """

    number: int
    bytes: int
    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str] = Field(default_factory=dict)


class PresignedModel(UploadModel):
    """An upload whose parts go to the object store directly, until `expires_at`."""

    urls: list[PartUrl]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **_STATE,
                "kind": "presigned",
                "parts": [],
                "missing": [1, 2, 3],
                "urls": [
                    {
                        "number": 1,
                        "bytes": 16777216,
                        "method": "PUT",
                        "url": "https://store.example.org/bucket/key?X-Amz-Signature=…",
                        "headers": {},
                    }
                ],
            }
        }
    )


class UrlOrder(RequestModel):
    """A file to fetch and make a dataset of."""

    project_id: UUID
    url: Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(one_line)] = Field(
        description="http or https, without a name and password in it; redirects are not followed."
    )
    name: DatasetName | None = Field(None, description="Of the dataset; without it the last word of the URL's path.")
    description: Description = ""
    tags: TagList = Field(default_factory=list)
    options: IngestOptions | None = None

    model_config = ConfigDict(
        json_schema_extra={"example": {"project_id": _PROJECT_ID, "url": "https://example.org/prices.csv"}}
    )

    def ingest_options(self) -> dict[str, Any]:
        """The options that were given."""
        return {} if self.options is None else self.options.model_dump(exclude_none=True)
