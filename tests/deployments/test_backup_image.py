"""The program of the nightly backup: it hands on what the pod was given, and says what it lacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from manifests import DEPLOYMENTS

PROGRAM = DEPLOYMENTS / "components" / "backups" / "image" / "backup.sh"
GIVEN = {
    "PROJECT_ID": "pro2",
    "DATABASE_URL": "postgresql://postgres:it's%20one@db.internal:5432/ai_platform_pro2",
    "REDIS_URL": "redis://:x@redis:6379/0",
    "S3_ENDPOINT_URL": "https://s3.internal:443",
    "S3_ACCESS_KEY": "access",
    "S3_SECRET_KEY": "secret # with a mark",
    "S3_BUCKET": "ai-platform-pro2",
    "BACKUP_TO": "s3://vault/nightly",
}


def call(folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    stand_in = folder / "scripts" / "instances"
    stand_in.mkdir(parents=True)
    (stand_in / "__main__.py").write_text("import sys; print(*sys.argv[1:])\n")
    places = {"PLATFORM": str(folder), "INSTANCE_ENV": str(folder / ".env")}
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run([PROGRAM], env=path | places | given, capture_output=True, text=True, check=False)


def test_backs_up_what_the_environment_describes(tmp_path: Path) -> None:
    done = call(tmp_path, **GIVEN)
    assert done.stdout == "backup --project pro2 --local -- --to s3://vault/nightly --keep 14\n", done.stderr
    file = tmp_path / ".env"
    assert file.stat().st_mode & 0o777 == 0o600
    assert dotenv_values(file) == {name: value for name, value in GIVEN.items() if name != "BACKUP_TO"}


@pytest.mark.parametrize("name", GIVEN)
def test_names_what_is_missing(name: str, tmp_path: Path) -> None:
    done = call(tmp_path, **{key: value for key, value in GIVEN.items() if key != name})
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {name} is missing" in done.stderr
