"""pg_dump and pg_restore of the server's own version: beside its program, or in its container."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from compose import docker_environment
from console import Refusal
from containers import running
from environment import inherited
from instance import Instance
from modes import DOCKER
from servers import candidates

CHUNK_BYTES = 1024 * 1024
LAST_LINES = 8
# Inside its container the server's password is a variable, so that it need not be handed in.
_IN_CONTAINER = 'PGPASSWORD="$POSTGRES_PASSWORD" exec "$@"'


@dataclass(frozen=True)
class Tools:
    """How the tools are called for one instance."""

    prefix: tuple[str, ...]
    connection: tuple[str, ...]
    environment: dict[str, str]

    def dump(self, database: str, snapshot: str) -> Iterator[bytes]:
        """A database as it was at the snapshot, in pg_dump's custom format.

        Raises:
            Refusal: pg_dump failed; holds what it said.
        """
        options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        with self._run("pg_dump", *options, f"--dbname={database}", stdin=subprocess.DEVNULL) as process:
            while chunk := _pipe(process.stdout).read(CHUNK_BYTES):
                yield chunk

    def restore(self, database: str, chunks: Iterator[bytes]) -> None:
        """Fill an empty database from such a dump, all of it or nothing.

        Raises:
            Refusal: pg_restore failed; holds what it said.
        """
        options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        run = self._run("pg_restore", *options, f"--dbname={database}", stdin=subprocess.PIPE)
        # When it ends early it says why.
        with run as process, suppress(BrokenPipeError), _pipe(process.stdin) as pipe:
            for chunk in chunks:
                pipe.write(chunk)

    @contextmanager
    def _run(self, program: str, *options: str, stdin: int) -> Iterator["subprocess.Popen[bytes]"]:
        command = self._command(program, options)
        with tempfile.TemporaryFile() as said:
            with subprocess.Popen(
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=said, env=self.environment
            ) as process:
                try:
                    yield process
                except BaseException:
                    process.kill()
                    raise
            if process.returncode != 0:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()[-LAST_LINES:]
                raise Refusal(f"{program} failed:\n  " + "\n  ".join(lines))

    def _command(self, program: str, options: Sequence[str]) -> list[str]:
        if self.prefix[0].endswith(os.sep):
            return [f"{self.prefix[0]}{program}", *self.connection, "--no-password", *options]
        return [*self.prefix, program, *self.connection, "--no-password", *options]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - asked for above
    return pipe


def tools_of(instance: Instance, mode: str, major: int) -> Tools:
    """The tools for the instance's server of that major version.

    Raises:
        Refusal: there are none of that version on this machine, or the container does not run.
    """
    address = instance.address("postgres")
    if mode == DOCKER:
        inside = ("docker", "exec", "-i", running(instance, "postgres"), "sh", "-c", _IN_CONTAINER, "sh")
        return Tools(inside, ("--host=127.0.0.1", f"--username={address.user}"), docker_environment())
    for server in candidates("postgres", "auto"):
        folder = server.program.parent
        if server.major == major and all((folder / name).exists() for name in ("pg_dump", "pg_restore")):
            connection = (f"--host={address.host}", f"--port={address.port}", f"--username={address.user}")
            return Tools((f"{folder}{os.sep}",), connection, inherited() | {"PGPASSWORD": address.password})
    raise Refusal(f"no pg_dump and pg_restore of PostgreSQL {major} on this machine: install its client programs")
