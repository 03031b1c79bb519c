"""Whether each container is given the settings that its code reads, and nothing that it does not know."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from kube_secrets import REQUIRED, STORES, generated
from manifests import ROOT, Manifests, Pod, of_kind, pods

CODE = ROOT / "backend-pro1"
# Of Python, Ray, PostgreSQL, Redis, MinIO and the nightly backup; what an instance's other variables are, Settings say.
FOREIGN = {
    *("TMPDIR", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "GRPC_ENABLE_FORK_SUPPORT", *STORES),
    *("POSTGRES_USER", "POSTGRES_INITDB_ARGS", "PGDATA", "REDISCLI_AUTH", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"),
    *("BACKUP_KEEP", "BACKUP_TO", "BACKUP_S3_ENDPOINT_URL", "BACKUP_S3_ACCESS_KEY", "BACKUP_S3_SECRET_KEY"),
}
# `local` names the settings whose defaults are fit for a single machine only.
_ASK = """
import json, sys
from pathlib import Path
from pydantic import SecretStr, ValidationError
from shared.config import Settings
from shared.config_rules import PLACEHOLDERS
def local(name, field):
    value = field.default
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if isinstance(value, tuple) or name.startswith("api_gateway_port"):
        return False
    return (
        any(mark in text for mark in ("127.0.0.1", "pro1", *PLACEHOLDERS))
        or (isinstance(value, Path) and not value.is_absolute())
        or name in {"environment", "data_service_url", "ai_service_url", "ray_auth_token", "worker_alive_file"}
    )
given, refused = json.load(sys.stdin), {}
for key, variables in given.items():
    try:
        Settings(_env_file=None, **{name.lower(): value for name, value in variables.items()})
    except ValidationError as error:
        refused[key] = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
print(json.dumps({
    "names": [name.upper() for name in Settings.model_fields],
    "secrets": [name.upper() for name, field in Settings.model_fields.items() if field.annotation is SecretStr],
    "local": [name.upper() for name, field in Settings.model_fields.items() if local(name, field)],
    "defaults": {name.upper(): str(field.default) for name, field in Settings.model_fields.items()},
    "refused": refused,
}))
"""


def faults(manifests: Manifests) -> Iterator[str]:
    """What a container is given in vain, lacks, or cannot start with."""
    given = {f"{pod}: container {one['name']}": (pod, one) for pod in pods(manifests) for one in pod.containers}
    variables = {place: variables_of(one, manifests) for place, (_, one) in given.items()}
    readers = {place: known for place, known in variables.items() if _reads_settings(given[place][1])}
    facts = ask(readers)
    for place, known in variables.items():
        for name in sorted(known.keys() - set(facts["names"]) - FOREIGN):
            yield f"{place}: nothing reads the variable {name}"
    for place, known in readers.items():
        for name in sorted(set(facts["local"]) - known.keys()):
            yield f"{place}: {name} is not given, and its default is for one machine only"
        for fault in facts["refused"].get(place, ()):
            yield f"{place}: its settings are refused: {fault}"
    for config in of_kind(manifests, "ConfigMap"):
        for name in sorted(set(config.raw.get("data", {})) & set(facts["secrets"])):
            yield f"{config}: the secret {name} stands in a config map"


def _reads_settings(container: Mapping[str, Any]) -> bool:
    return bool(container.get("envFrom"))


def ask(given: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What the code says of these sets of variables: the names that it knows, and which sets it refuses."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK], cwd=CODE, input=json.dumps(given), capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@cache
def defaults() -> dict[str, str]:
    """What each setting is when nobody says anything."""
    found: dict[str, str] = ask({})["defaults"]
    return found


def variables_of(container: Mapping[str, Any], manifests: Manifests) -> dict[str, str]:
    """The container's environment, with random values where somebody else makes the secret."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= _all_of(source, manifests)
    for variable in container.get("env", ()):
        found[variable["name"]] = str(variable.get("value", "from a secret of thirty-two characters"))
    return found


def _all_of(source: Mapping[str, Any], manifests: Manifests) -> dict[str, str]:
    name = (source.get("configMapRef") or source["secretRef"])["name"]
    for manifest in of_kind(manifests, "ConfigMap", "Secret"):
        if manifest.name == name and manifest.kind == "ConfigMap":
            return dict(manifest.raw.get("data", {}))
    sample = generated("pro1")
    return {key: sample[key] for key in REQUIRED} if "secretRef" in source and name != "ai-platform-backup" else {}


def settings_of(pod: Pod, manifests: Manifests) -> dict[str, str]:
    """The environment of the pod's main container."""
    return variables_of(pod.main, manifests)
