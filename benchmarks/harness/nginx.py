"""nginx as one process, with a configuration and a folder of its own, ended with the benchmark."""

from pathlib import Path

from .errors import BenchError
from .load import tool
from .paths import scratch
from .processes import Server, free_port

# In one process, as one uvicorn worker is. Everything that is not said here is nginx's default.
CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {upstreams}
  server {{
    listen 127.0.0.1:{port};
    {server}
  }}
}}
"""
KEPT = "upstream {name} {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 1000000000; }}"
# Bodies stream through, as they do through ours: nginx would else write uploads to a file first.
STREAMING = """
    client_max_body_size 0; proxy_request_buffering off; proxy_max_temp_file_size 0;
    proxy_http_version 1.1; proxy_set_header Connection "";
"""


def answering(name: str, body: str) -> Server:
    """A server that gives the same JSON to every request."""
    return _nginx(name, f"default_type application/json; location / {{ return 200 '{body}'; }}")


def proxying(name: str, routes: dict[str, int]) -> Server:
    """A proxy in front of servers on this machine: path prefix → port."""
    upstreams = "\n  ".join(KEPT.format(name=f"u{port}", port=port) for port in routes.values())
    locations = "\n    ".join(f"location {prefix} {{ proxy_pass http://u{port}; }}" for prefix, port in routes.items())
    return _nginx(name, STREAMING + "    " + locations, upstreams)


def _nginx(name: str, server: str, upstreams: str = "") -> Server:
    program = tool("nginx")
    if program is None:
        raise BenchError("nginx is not installed")
    folder, port = _folder(name), free_port()
    text = CONFIGURATION.format(folder=folder, port=port, server=server, upstreams=upstreams)
    (folder / "nginx.conf").write_text(text)
    command: list[str | Path] = [program, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    return Server(name, command, port)


def _folder(name: str) -> Path:
    folder = scratch(name)
    folder.mkdir(exist_ok=True)
    return folder
