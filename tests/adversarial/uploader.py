"""Somebody who uploads, as a whole and in parts."""

import io
from typing import Any

from ..e2e.api import Api
from .calm import stored
from .places import Place
from .wire import Answer, Attacker

CSV = b"a,b\n" + b"1,2\n" * 100
MEBIBYTE = 2**20
CROWD = 50
FORM_KIND = "multipart/form-data; boundary=x"


def form(content: bytes, filename: str = "a.csv", **fields: str) -> bytes:
    """The body of an upload, as it is given."""
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'
    return ("".join(parts) + head).encode() + content + b"\r\n--x--\r\n"


class Uploader:
    """Somebody with a project, from an address of its own."""

    def __init__(self, attacker: Attacker, person: Api, place: Place) -> None:
        self.attacker, self.person, self._place = attacker, person, place
        self.project_id = person.project("Attic")

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        token = self.person.tokens["access_token"]
        return await self.attacker.send(method, f"/api/v1{path}", token=token, **options)

    async def upload(self, content: bytes = CSV, key: str | None = None, wait: int = 0, **fields: str) -> Answer:
        body = form(content, **({"project_id": self.project_id} | fields))
        headers = {"Content-Type": FORM_KIND} | ({"Idempotency-Key": key} if key else {})
        return await self.ask("POST", f"/upload/file?wait={wait}", data=io.BytesIO(body), headers=headers)

    async def session(self, size: int, **order: Any) -> Answer:
        body = {"project_id": self.project_id, "filename": "a.csv", "bytes": size, "part_size": MEBIBYTE, **order}
        return await self.ask("POST", "/upload/sessions", json_body=body)

    async def put(self, upload_id: str, number: int, content: bytes, digest: str | None = None) -> Answer:
        headers = {"Content-Type": "application/octet-stream"} | ({"Content-Digest": digest} if digest else {})
        path = f"/upload/sessions/{upload_id}/parts/{number}"
        return await self.ask("PUT", path, data=io.BytesIO(content), headers=headers)

    def datasets(self) -> list[dict[str, Any]]:
        query = {"project_id": self.project_id, "limit": 200}
        items: list[dict[str, Any]] = self.person.ok("GET", "/datasets", params=query)["items"]
        return items

    def kept(self) -> list[str]:
        """What the store holds of the project."""
        return [key for key in stored(self._place) if self.project_id in key]
