"""Where backups are kept."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from backup_places import Folder, _Stream, place_of
from console import Refusal

S3 = {
    "BACKUP_S3_ENDPOINT_URL": "https://s3.example.org",
    "BACKUP_S3_ACCESS_KEY": "access",
    "BACKUP_S3_SECRET_KEY": "of-a-test",
}


class TestFolder:
    def test_measures_what_it_writes_and_keeps_it_private(self, tmp_path: Path) -> None:
        place = Folder(tmp_path / "new" / "backup")
        file = place.write("objects/a/b", iter([b"one", b"two"]))
        assert (file.name, file.bytes, file.sha256) == ("objects/a/b", 6, hashlib.sha256(b"onetwo").hexdigest())
        assert b"".join(place.read("objects/a/b")) == b"onetwo"
        path = tmp_path / "new" / "backup" / "objects" / "a" / "b"
        assert (path.stat().st_mode & 0o777, (tmp_path / "new").stat().st_mode & 0o777) == (0o600, 0o700)

    def test_a_broken_write_leaves_what_was_there(self, tmp_path: Path) -> None:
        def broken() -> Iterator[bytes]:
            yield b"half"
            raise OSError("gone")

        place = Folder(tmp_path)
        place.write("a", iter([b"before"]))
        with pytest.raises(OSError, match="gone"):
            place.write("a", broken())
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
        assert (tmp_path / "a").read_bytes() == b"before"

    def test_what_is_not_there_has_no_size(self, tmp_path: Path) -> None:
        (tmp_path / "target").write_bytes(b"1")
        (tmp_path / "link").symlink_to(tmp_path / "target")
        place = Folder(tmp_path)
        assert [place.size(name) for name in ("target", "link", "absent", ".")] == [1, None, None, None]

    def test_lists_and_removes(self, tmp_path: Path) -> None:
        place = Folder(tmp_path)
        place.inside("b").write("x/y", iter([b"1"]))
        place.inside("a").write("x", iter([b"1"]))
        assert place.folders() == ["a", "b"]
        place.inside("b").remove()
        assert place.folders() == ["a"]
        assert Folder(tmp_path / "absent").folders() == []


def test_a_stream_gives_what_is_asked_for_at_most() -> None:
    stream = _Stream(iter([b"", b"abc", b"", b"de"]))
    assert [stream.read(2) for _ in range(5)] == [b"ab", b"c", b"de", b"", b""]


class TestNames:
    def test_a_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert str(place_of("some/where", {})) == str(tmp_path / "some" / "where")

    @pytest.mark.parametrize(
        ("text", "shown"),
        [("s3://vault", "s3://vault"), ("s3://vault/", "s3://vault"), ("s3://vault/a/b/", "s3://vault/a/b")],
    )
    def test_a_bucket(self, text: str, shown: str) -> None:
        assert str(place_of(text, S3)) == shown
        assert str(place_of(text, S3).inside("pro1")) == f"{shown}/pro1"

    @pytest.mark.parametrize("name", S3)
    def test_a_bucket_needs_its_variables(self, name: str) -> None:
        with pytest.raises(Refusal, match=name):
            place_of("s3://vault", S3 | {name: ""})

    @pytest.mark.parametrize(
        ("text", "url"), [("s3://", S3["BACKUP_S3_ENDPOINT_URL"]), ("s3://vault", "s3.example.org")]
    )
    def test_nonsense_is_refused_without_a_secret(self, text: str, url: str) -> None:
        with pytest.raises(Refusal, match="s3://BUCKET/PREFIX") as refused:
            place_of(text, S3 | {"BACKUP_S3_ENDPOINT_URL": url})
        assert "of-a-test" not in str(refused.value)
