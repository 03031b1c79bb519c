"""What is announced of an upload in parts, and what is said of each part: by itself, without a server."""

import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from shared.config import MEBIBYTE
from shared.errors import Invalid
from shared.ids import new_id

from ..app.schemas.upload_sessions import UploadOrder
from ..app.services.upload_parts import expected_sha256
from ..app.services.upload_sessions import MOST_PART_BYTES, require_part_size
from .sending import digest


class TestOrder:
    PROJECT = str(new_id())
    DATASET = str(new_id())

    @pytest.mark.parametrize(
        "order",
        [
            {},
            {"project_id": PROJECT, "dataset_id": DATASET, "mode": "append"},
            {"dataset_id": DATASET},
            {"project_id": PROJECT, "mode": "append"},
            {"dataset_id": DATASET, "mode": "append", "name": "x"},
            {"dataset_id": DATASET, "mode": "upsert"},
            {"dataset_id": DATASET, "mode": "append", "key": "id"},
            {"project_id": PROJECT, "key": ["id"]},
            {"project_id": PROJECT, "bytes": 0},
            {"project_id": PROJECT, "sha256": "abc"},
            {"project_id": PROJECT, "filename": "a\nb"},
        ],
    )
    def test_what_contradicts_itself(self, order: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            UploadOrder.model_validate({"filename": "a.csv", "bytes": 1, **order})

    def test_the_key_as_text_and_as_list(self) -> None:
        for key in ("a, b", ["a", "b", "a"]):
            order = {"dataset_id": self.DATASET, "mode": "upsert", "key": key, "filename": "a.csv", "bytes": 1}
            assert UploadOrder.model_validate(order).key == ["a", "b"]


@pytest.mark.parametrize(
    ("size", "whole"), [(1, 1), (10, 10), (MEBIBYTE, 2**34), (10, 5), (MOST_PART_BYTES, 10), (MEBIBYTE, MEBIBYTE + 1)]
)
def test_part_sizes_that_are_taken(size: int, whole: int) -> None:
    require_part_size(size, whole, 2**20)


@pytest.mark.parametrize(
    ("size", "whole", "most"),
    [(1, 2, 10), (MEBIBYTE - 1, MEBIBYTE, 10), (MOST_PART_BYTES + 1, 2**40, 10_000), (MEBIBYTE, 11 * MEBIBYTE, 10)],
)
def test_part_sizes_that_are_not(size: int, whole: int, most: int) -> None:
    with pytest.raises(Invalid) as caught:
        require_part_size(size, whole, most)
    assert caught.value.code == "part_size_out_of_range"


class TestDigest:
    OF_NOTHING = hashlib.sha256(b"").hexdigest()
    FIELD = digest(b"")["Content-Digest"]

    @pytest.mark.parametrize(
        "field", [FIELD, f"md5=:AAAA:, {FIELD}", f"{FIELD}, sha-512=:AA==:", f" sha-256 = {FIELD[8:]}"]
    )
    def test_read(self, field: str) -> None:
        assert expected_sha256(field) == self.OF_NOTHING

    @pytest.mark.parametrize("field", [None, "", "sha-512=:AA==:", "xsha-256=:AA==:"])
    def test_none(self, field: str | None) -> None:
        assert expected_sha256(field) is None

    @pytest.mark.parametrize(
        "field", ["sha-256", "sha-256=", "sha-256=x", "sha-256=:AAAA:", "sha-256=:!:", "sha-256=::"]
    )
    def test_broken(self, field: str) -> None:
        if field == "sha-256":
            assert expected_sha256(field) is None
            return
        with pytest.raises(Invalid) as caught:
            expected_sha256(field)
        assert caught.value.code == "invalid_digest"
