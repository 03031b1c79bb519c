"""A model's file that is damaged inside of its archive is refused as such, whatever its readers say of it."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from shared.compute import ComputeError

from ..app.engines.training.model_files import dump_model, load_model


def test_damage_inside_of_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    dump_model({"a": np.arange(500.0)}, path)
    content = path.read_bytes()
    assert load_model(content)["a"].shape == (500,)
    for name, old, new in (
        ("array", b"descr", b"'''('"),
        ("array", b"\x93NUMPY", b"\x93NUMPX"),
        ("schema", b"{", b"["),
    ):
        with pytest.raises(ComputeError, match="unsafe_model"):
            load_model(_changed(content, name, old, new))
    # Its first member: another way of packing, by the archive's list, and what no unpacking makes anything of.
    method = content.index(b"PK\x01\x02") + 10
    with pytest.raises(ComputeError, match="unsafe_model"):
        load_model(content[:method] + b"\x63\x00" + content[method + 2 :])
    with pytest.raises(ComputeError, match="unsafe_model"):
        load_model(content[:60] + b"\xff" * 40 + content[100:])


def _changed(content: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """The archive with something else in its array, or in its schema."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(file, "w") as target:
        for member in source.namelist():
            data = source.read(member)
            is_meant = member.endswith(".npy") == (name == "array")
            target.writestr(member, data.replace(old, new, 1) if is_meant else data)
    return file.getvalue()
