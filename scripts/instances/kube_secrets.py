"""The secrets of an instance on Kubernetes: which there must be, and a file of random ones to make them from."""

import os
import secrets
import sys
from pathlib import Path

from console import Refusal, answer, reported
from manifests import DEPLOYMENTS

SETTINGS_SECRET = "ai-platform-secrets"  # noqa: S105 - the name of one
# Without these a pod does not start; the stores inside the cluster take some of them too.
REQUIRED = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY", "RAY_AUTH_TOKEN")
STORES = ("POSTGRES_PASSWORD", "REDIS_PASSWORD")
OPTIONAL = ("OPENAI_API_KEY", "ADMIN_PASSWORD", "SMTP_PASSWORD", "SENTRY_DSN", "SECRET_KEYS_PREVIOUS")
# Made beside the manifests, by hand or by an operator, and their keys.
OUTSIDE_SECRETS = {
    SETTINGS_SECRET: (*REQUIRED, *STORES),
    "ai-platform-backup": ("BACKUP_TO", "BACKUP_S3_ENDPOINT_URL", "BACKUP_S3_ACCESS_KEY", "BACKUP_S3_SECRET_KEY"),
    "ai-platform-tls": ("tls.crt", "tls.key"),
}


def generated(project: str) -> dict[str, str]:
    """Random secrets for an instance whose stores are those of the components."""
    postgres, redis = secrets.token_hex(24), secrets.token_hex(24)
    return {
        "SECRET_KEY": secrets.token_hex(32),
        "POSTGRES_PASSWORD": postgres,
        "REDIS_PASSWORD": redis,
        "DATABASE_URL": f"postgresql://postgres:{postgres}@postgres:5432/ai_platform_{project}",
        "REDIS_URL": f"redis://:{redis}@redis:6379/0",
        "S3_ACCESS_KEY": secrets.token_hex(10),
        "S3_SECRET_KEY": secrets.token_hex(24),
        "RAY_AUTH_TOKEN": secrets.token_hex(24),
    }


def write_secrets(project: str) -> Path:
    """Write them beside the overlay, for its owner alone; never over a file that is there.

    Raises:
        Refusal: there is no such overlay, or its secrets have been written before.
    """
    file = DEPLOYMENTS / "overlays" / project / ".env"
    if not file.parent.is_dir():
        raise Refusal(f"there is no overlay {file.parent}: make the instance by ./scripts/new-project.sh")
    if file.exists():
        raise Refusal(f"{file} is there already: it is kept as it is, since databases may know its passwords")
    lines = [f"{name}={value}" for name, value in generated(project).items()]
    lines += ["# Where they are wanted:", *(f"#{name}=" for name in OPTIONAL)]
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write("\n".join(lines) + "\n")
    return file


def next_steps(project: str, file: Path) -> str:
    """What a person does with them."""
    namespace, folder = f"ai-platform-{project}", f"deployments/overlays/{project}"
    return (
        f"{file}: random secrets, mode 600, ignored by git; keep a copy where backups are not\n"
        f"  kubectl apply -f {folder}/namespace.yaml\n"
        f"  kubectl -n {namespace} create secret generic {SETTINGS_SECRET} --from-env-file={folder}/.env "
        "--dry-run=client -o yaml | kubectl apply -f -\n"
        f"  kubectl apply -k {folder}"
    )


def main(project: str) -> int:
    """Write them and say what follows."""
    answer(next_steps(project, write_secrets(project)))
    return 0


if __name__ == "__main__":
    sys.exit(reported(lambda: main(sys.argv[1])))
