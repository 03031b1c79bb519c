"""A checkout of the drill's own, with the code of before, of now, and of a next release that the drill makes up."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from drill_commands import ROOT, run
from drill_stage import CODE

SCHEMA = f"{CODE}/shared/schema_revision.py"
MIGRATIONS = f"{CODE}/scripts/migrations"
NEXT = '''"""A column and a table that nobody needs: what a release may add."""

from alembic import op

revision = "{revision}"
down_revision = "{former}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.execute("ALTER TABLE analysis_tasks ADD COLUMN drilled text")
    op.execute("CREATE TABLE drill (id uuid PRIMARY KEY)")


def downgrade() -> None:
    """Drop them again."""
    op.execute("DROP TABLE drill")
    op.execute("ALTER TABLE analysis_tasks DROP COLUMN drilled")
'''


@dataclass(frozen=True)
class Checkout:
    """A clone that shares the history of this checkout."""

    root: Path

    @classmethod
    def made(cls, root: Path) -> "Checkout":
        """Make it.

        Raises:
            DrillError: this is no checkout with its history.
        """
        run("git", "clone", "--quiet", "--shared", "--no-checkout", ROOT, root)
        made = cls(root)
        made.git("config", "user.name", "drill")
        made.git("config", "user.email", "drill@example.org")
        return made

    def git(self, *arguments: str) -> str:
        """What git answers about it.

        Raises:
            DrillError: it refuses.
        """
        return run("git", "-C", self.root, *arguments)

    def use(self, commit: str) -> None:
        """Check it out."""
        self.git("checkout", "--quiet", "--detach", commit)

    def title(self, commit: str) -> str:
        """How people know a commit, and its schema."""
        return f"{self.git('log', '-1', '--format=%h %cs %s', commit)} (schema {self.revision(commit)})"

    def revision(self, commit: str) -> str:
        """The schema that its code needs."""
        return _constant(self.git("show", f"{commit}:{SCHEMA}"))

    def bears_newer_schemas(self, commit: str) -> bool:
        """Whether its code starts on a schema that newer code has made."""
        return "newer code" in self.git("show", f"{commit}:{MIGRATIONS}/env.py")

    def before(self, since: str) -> str:
        """The commit that was asked for, else the last one with another schema.

        Raises:
            DrillError: there is none.
        """
        last = self.git("log", "-1", "--format=%H", "HEAD", "--", SCHEMA)
        return self.git("rev-parse", "--verify", f"{since or last + '^'}^{{commit}}")

    def present(self) -> str:
        """What this checkout holds, whether it is committed or not."""
        self.use("HEAD")
        for name in _names("--cached"):
            source, target = ROOT / name, self.root / name
            if source.is_file() and (not target.exists() or source.read_bytes() != target.read_bytes()):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
            elif not source.exists():
                target.unlink(missing_ok=True)
        return self._committed("The checkout as it is")

    def next_release(self, now: str) -> str:
        """A release after it: the same code with one more migration."""
        self.use(now)
        former = self.revision(now)
        revision = f"{int(former) + 1:04}"
        migration = self.root / MIGRATIONS / "versions" / f"{revision}_drill.py"
        migration.write_text(NEXT.format(revision=revision, former=former))
        schema = self.root / SCHEMA
        schema.write_text(schema.read_text().replace(f'"{former}"', f'"{revision}"'))
        return self._committed("A release after it, made up")

    def _committed(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--no-verify", "--message", message)
        return self.git("rev-parse", "HEAD")


def _names(*options: str) -> list[str]:
    listed = run("git", "-C", ROOT, "ls-files", "-z", "--others", "--exclude-standard", *options)
    return [name for name in listed.split("\0") if name]


def _constant(source: str) -> str:
    found = re.search(r'^SCHEMA_REVISION = "(\w+)"$', source, re.MULTILINE)
    return found[1] if found else ""
