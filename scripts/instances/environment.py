"""The .env of an instance: made once with random secrets, never overwritten, completed when the template grows."""

import os
import re
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from instance import ROOT, Instance, read_variables

MEMORY_FOR_RAY = 8 * 1000**3
SECRET = re.compile(
    r"postgres123|redis123|minioadmin123|minioadmin|your-super-secret-key-32-chars-minimum|change-me-[a-z0-9-]+"
)
VARIABLE = re.compile(r"([A-Z][A-Z0-9_]*)=")

# The instance's .env is the one truth: variables of the caller's shell must not override it, nor another instance's.
_OF_THE_USER = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
INHERITED = frozenset({*_OF_THE_USER, *_CERTIFICATES, *_PROXIES})


def inherited() -> dict[str, str]:
    """What the instance's programs may see of the caller's environment."""
    return {name: value for name, value in os.environ.items() if name in INHERITED}


def ensure_env(instance: Instance) -> str:
    """Write the instance's .env, or append what the template has gained since; says what it did, or nothing."""
    template = _template(instance)
    if instance.env_file.exists():
        added = _append_missing(instance, template)
        return f"{_shown(instance.env_file)}: added {', '.join(added)}" if added else ""
    _write_private(instance.env_file, _adapt(instance, _fill(template)))
    return f"{_shown(instance.env_file)} written: random secrets, mode 600"


def _template(instance: Instance) -> str:
    renderer = str(ROOT / "config" / "render-env.sh")
    command = ["bash", renderer, str(instance.number), instance.name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _fill(template: str, known: Mapping[str, str] | None = None) -> str:
    """Each placeholder becomes a secret of its own, or what `known` has for it; where it stands twice it is one."""
    drawn: dict[str, str] = dict(known or {})

    def secret(found: re.Match[str]) -> str:
        return drawn.setdefault(found[0], secrets.token_hex(8 if found[0] == "minioadmin" else 24))

    return SECRET.sub(secret, template)


def _passwords_in_use(present: Mapping[str, str | None]) -> dict[str, str]:
    """What an .env that is older than the variables for containers has said already, by placeholder."""
    urls = {"postgres123": present.get("DATABASE_URL"), "redis123": present.get("REDIS_URL")}
    passwords = {placeholder: unquote(urlsplit(url or "").password or "") for placeholder, url in urls.items()}
    return {placeholder: password for placeholder, password in passwords.items() if password}


def _adapt(instance: Instance, text: str) -> str:
    if memory_bytes() < MEMORY_FOR_RAY:
        text = text.replace("RAY_ENABLED=true", "RAY_ENABLED=false")
    if instance.is_private:
        text = text.replace("ENVIRONMENT=development", "ENVIRONMENT=test")
    return text


def memory_bytes() -> int:
    """Physical memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _append_missing(instance: Instance, template: str) -> list[str]:
    present = read_variables(instance.env_file)
    missing = {name: block for name, block in _blocks(template) if name not in present}
    if missing:
        heading = "\n# Added by setup.sh: new since this file was written.\n"
        with instance.env_file.open("a") as file:
            file.write(heading + _adapt(instance, _fill("".join(missing.values()), _passwords_in_use(present))))
    return list(missing)


def _blocks(template: str) -> list[tuple[str, str]]:
    """Every active variable of the template with the comment above it."""
    blocks: list[tuple[str, str]] = []
    comment = ""
    for line in template.splitlines(keepends=True):
        if match := VARIABLE.match(line):
            blocks.append((match[1], comment + line))
        comment = line if line.startswith("# ") and not line.startswith("# ---") else ""
    return blocks


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
