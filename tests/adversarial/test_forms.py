"""Hostile multipart forms at the one route that takes them (A69, and what of A47 concerns forms)."""

from uuid import uuid4

import pytest

from .people import People
from .wire import Answer, Attacker

pytestmark = pytest.mark.e2e

UPLOAD = "/api/v1/upload/file"
DATA = b"a,b\r\n1,2\r\n3,4\r\n"


def part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode("utf-8", "surrogateescape") + value + b"\r\n"


def file_part(filename: str = "a.csv", value: bytes = DATA) -> bytes:
    return part("file", value, f'; filename="{filename}"')


FORM = "multipart/form-data; boundary=x"
END = b"--x--\r\n"
TEXTS = (b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"a" * 100_000, b"'; DROP TABLE users;--", b"\r\n", b"{}", b"," * 5000)
NAMES = (
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "a\x00.csv",
    "a\udcff\udcfe.csv",
    "\u202evsc.exe",
    "CON.csv",
    "a.csv; rm -rf /",
    "<script>.csv",
    "😀.csv",
    "",
    ".",
    "a" * 5000,
)


async def upload(attacker: Attacker, people: People, *parts: bytes, kind: str = FORM) -> Answer:
    token = people.world.owner.tokens["access_token"]
    return await attacker.send("POST", UPLOAD, token=token, data=b"".join(parts), headers={"Content-Type": kind})


@pytest.mark.parametrize("filename", NAMES, ids=range(len(NAMES)))
async def test_file_names_are_data(attacker: Attacker, people: People, filename: str) -> None:
    project = part("project_id", people.world.project_id.encode())
    answer = await upload(attacker, people, project, part("name", uuid4().hex.encode()), file_part(filename), END)
    assert answer.status in (202, 400, 422), answer


@pytest.mark.parametrize("field", ["project_id", "name", "description", "tags", "surprise"])
async def test_fields_of_every_shape(attacker: Attacker, people: People, field: str) -> None:
    own = {"project_id": people.world.project_id.encode(), "name": uuid4().hex.encode()}
    for value in TEXTS:
        fields = own | {field: value}
        answer = await upload(attacker, people, *(part(name, text) for name, text in fields.items()), file_part(), END)
        assert 400 <= answer.status < 500 or field in ("name", "description", "tags"), answer


def broken(project: bytes) -> dict[str, tuple[bytes, str]]:
    form = FORM
    return {
        "no boundary": (project + file_part() + END, "multipart/form-data"),
        "another boundary": (project + file_part() + END, "multipart/form-data; boundary=y"),
        "long boundary": (project + file_part() + END, "multipart/form-data; boundary=" + "x" * 300),
        "no end": (project + file_part(), form),
        "cut off": ((project + file_part())[:-20], form),
        "nothing": (b"", form),
        "only an end": (END, form),
        "no file": (project + END, form),
        "two files": (project + file_part() + file_part() + END, form),
        "no project": (file_part() + END, form),
        "no head": (b"--x\r\n\r\nvalue\r\n" + END, form),
        "long head": (b"--x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n" + END, form),
        "many parts": (project + part("name", b"n") * 5000 + END, form),
        "many heads": (b"--x\r\n" + b"X-Y: z\r\n" * 5000 + b"\r\n" + END, form),
        "as JSON": (b'{"project_id": "x"}', "application/json"),
        "as text": (project + file_part() + END, "text/plain"),
        "nested": (project + file_part() + END, "multipart/mixed; boundary=x"),
    }


@pytest.mark.parametrize("name", broken(b""))
async def test_broken_forms(attacker: Attacker, people: People, name: str) -> None:
    body, kind = broken(part("project_id", people.world.project_id.encode()))[name]
    answer = await upload(attacker, people, body, kind=kind)
    assert answer.status in (400, 413, 415, 422), answer


FILES = tuple(start + bytes(100) for start in (b"\x89PNG\r\n\x1a\n", b"MZ", b"PK\x05\x06", b"%PDF-1.7\x00", b"\x7fELF"))


@pytest.mark.parametrize("content", FILES, ids=range(len(FILES)))
async def test_other_files_under_the_name_of_a_table(attacker: Attacker, people: People, content: bytes) -> None:
    project = part("project_id", people.world.project_id.encode())
    answer = await upload(attacker, people, project, file_part("a.csv", content), END)
    assert answer.status in (415, 422), answer


async def test_a_picture_is_what_its_bytes_say(attacker: Attacker, people: People) -> None:
    path, token = "/api/v1/users/me/avatar", people.world.owner.tokens["access_token"]
    for kind, content in (
        ("image/png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("image/svg+xml", b"<svg/>"),
        ("text/html", b"<script>alert(1)</script>"),
        ("image/png", b""),
        ("image/png", b"\x89PNG\r\n\x1a\n" + bytes(600 * 1024)),
    ):
        answer = await attacker.send("PUT", path, token=token, data=content, headers={"Content-Type": kind})
        assert answer.status in (413, 415, 422), answer
    disguised = b"GIF89a/*<script>alert(1)</script>*/=1"
    if (await attacker.send("PUT", path, token=token, data=disguised)).status == 200:
        shown = await attacker.send("GET", path, token=token)
        assert shown.headers["content-type"] == "image/gif"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in shown.headers["content-security-policy"]
