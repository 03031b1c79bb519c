"""The program behind scripts/create-admin.sh, over the real servers."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest
from httpx import AsyncClient

from shared.config import Settings
from shared.database import Database

from .people import PASSWORD, Person
from .staff import run, value

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
STRONG = "a horse of another battery"


class Run:
    """The program with its settings in a file, as the script calls it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        secrets = ("database_url", "redis_url", "secret_key")
        self.env = folder / ".env"
        lines = [f"{name.upper()}={getattr(settings, name).get_secret_value()}" for name in secrets]
        self.env.write_text("\n".join([*lines, f"PROJECT_ID={settings.project_id}", "BCRYPT_ROUNDS=4", ""]))

    async def __call__(self, *arguments: str, typed: bytes = f"{STRONG}\n".encode()) -> tuple[int, str, str]:
        """Exit code, what it answered, what it said."""
        process = await self.start(*arguments, stdin=asyncio.subprocess.PIPE)
        answer, said = await process.communicate(typed)
        return process.returncode or 0, answer.decode().strip(), said.decode()

    async def start(self, *arguments: str, stdin: int) -> asyncio.subprocess.Process:
        environment = {"PATH": os.environ["PATH"], "ENV_FILE": str(self.env)}
        command = (sys.executable, "-m", "api-gateway.app.create_admin", *arguments)
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=PROJECT,
            env=environment,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )


@pytest.fixture
def create_admin(tmp_path: Path, settings: Settings, database: Database) -> Run:
    return Run(tmp_path, settings)


async def test_makes_somebody_who_can_administer(create_admin: Run, client: AsyncClient, database: Database) -> None:
    code, user_id, said = await create_admin("--email", "Root@Example.com", "--name", " Grace ")
    assert (code, "root@example.com is an administrator" in said, STRONG in said) == (0, True, False), said
    logged_in = await client.post("/api/v1/auth/login", json={"email": "root@example.com", "password": STRONG})
    headers = {"Authorization": f"Bearer {logged_in.json()['access_token']}"}
    (user,) = (await client.get("/api/v1/users", headers=headers)).json()["items"]
    assert (user["id"], user["full_name"], user["role"]) == (user_id, "Grace", "admin")
    assert user["email_verified"] is True


async def test_an_account_that_exists_is_promoted_on_demand_only(create_admin: Run, ada: Person) -> None:
    assert (await ada.call("GET", "/users")).status_code == 403
    code, _, said = await create_admin("--email", "ada@example.com")
    assert (code, "--promote" in said) == (1, True)
    code, user_id, said = await create_admin("--email", "ada@example.com", "--promote", typed=b"")
    assert (code, user_id) == (0, ada.user["id"]), said
    assert (await ada.call("GET", "/users")).status_code == 200
    login = await ada.client.post("/api/v1/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    assert login.status_code == 200


async def test_refusals_say_what_to_do(create_admin: Run, ada: Person, database: Database) -> None:
    await run(database, "UPDATE users SET is_active = false")
    for arguments, typed, word in (
        (("--email", "x"), b"", "email"),
        (("--email", "a@example.com", "--name", "x" * 201), b"", "full_name"),
        (("--email", "a@example.com"), b"", "one line"),
        (("--email", "a@example.com"), b"\xff\xfe\n", "UTF-8"),
        (("--email", "a@example.com"), b"password123\n", "password"),
        (("--email", "a@example.com", "--promote"), b"", "No account"),
        (("--email", "ada@example.com", "--promote"), b"", "deactivated"),
    ):
        code, answer, said = await create_admin(*arguments, typed=typed)
        assert (code, answer, said.count("\n"), word in said) == (1, "", 1, True), said
        assert "password123" not in said
    assert (await create_admin())[0] == 2
    assert (await create_admin("--email", "a@example.com", "--password", "x"))[0] == 2
    assert await value(database, "SELECT count(*) FROM users") == 1


@pytest.mark.parametrize(
    ("name", "worth", "word"),
    [
        ("DATABASE_URL", "postgresql://postgres:x@127.0.0.1:9/x", "been started?"),
        ("BCRYPT_ROUNDS", "x", "bcrypt_rounds"),
    ],
)
async def test_an_instance_that_is_not_there(create_admin: Run, name: str, worth: str, word: str) -> None:
    lines = [line for line in create_admin.env.read_text().splitlines() if not line.startswith(name)]
    create_admin.env.write_text("\n".join([*lines, f"{name}={worth}", ""]))
    code, answer, said = await create_admin("--email", "a@example.com")
    assert (code, answer, word in said, "Traceback" in said) == (1, "", True, False), said


@pytest.mark.parametrize(("again", "code", "word"), [(STRONG, 0, "is an administrator"), ("mistyped", 1, "differ")])
async def test_on_a_terminal_the_password_is_typed_twice_and_not_shown(
    create_admin: Run, again: str, code: int, word: str
) -> None:
    terminal, end = pty.openpty()
    process = await create_admin.start("--email", "root@example.com", stdin=end)
    assert process.stderr is not None
    said = ""
    for prompt, typed in (("Password: ", STRONG), ("Again: ", again)):
        # What is typed before the prompt is thrown away.
        said += (await process.stderr.readuntil(prompt.encode())).decode()
        os.write(terminal, f"{typed}\n".encode())
    said += (await process.stderr.read()).decode()
    await process.wait()
    os.set_blocking(terminal, False)
    with pytest.raises(BlockingIOError):
        os.read(terminal, 1)
    os.close(terminal)
    os.close(end)
    assert (process.returncode, word in said, STRONG in said) == (code, True, False), said


async def test_the_end_of_input_at_the_prompt_is_a_refusal(create_admin: Run) -> None:
    terminal, end = pty.openpty()
    process = await create_admin.start("--email", "root@example.com", stdin=end)
    assert process.stderr is not None
    await process.stderr.readuntil(b"Password: ")
    os.write(terminal, b"\x04")
    said = (await process.stderr.read()).decode()
    await process.wait()
    os.close(terminal)
    os.close(end)
    assert (process.returncode, "no password was typed" in said, "Traceback" in said) == (1, True, False), said
