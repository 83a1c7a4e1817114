"""A real nginx with the configuration that is shipped, on free ports of this machine, with a throw-away certificate."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"
MISSING = "There is no nginx for this test. Debian, Ubuntu: apt-get install nginx-light   macOS: brew install nginx"
START_TIMEOUT_S = 30
_MAIN = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class NoNginx(Exception):
    """There is none; the sentence says what to do."""


@dataclass(frozen=True)
class Proxy:
    """Where it listens, whom to trust, and what it wrote."""

    port: int
    plain_port: int
    authority: Path
    log: Path

    @property
    def url(self) -> str:
        """`https://localhost:PORT`."""
        return f"https://localhost:{self.port}"


def _replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text, f"deploy/nginx.conf has no {old!r}"
        text = text.replace(old, new)
    return text


@contextmanager
def running_nginx(folder: Path, server_port: int, *changes: tuple[str, str]) -> Iterator[Proxy]:
    """Before a server on `server_port`. `changes` are made to the shipped file. Raises NoNginx."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    if program is None:
        raise NoNginx(MISSING)
    folder.mkdir()
    folder.chmod(0o755)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("localhost")
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    port, plain_port = _free_port(), _free_port()
    site = _replaced(
        SHIPPED.read_text(encoding="utf-8"),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{server_port};"),
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("server_name board.example.com;", "server_name localhost;"),
        ("/etc/letsencrypt/live/board.example.com/fullchain.pem", f"{folder}/chain.pem"),
        ("/etc/letsencrypt/live/board.example.com/privkey.pem", f"{folder}/key.pem"),
        ("/var/log/nginx/coplayer.log", f"{folder}/access.log"),
        ("/var/log/nginx/coplayer-error.log", f"{folder}/site-error.log"),
        *changes,
    )
    (folder / "site.conf").write_text(site, encoding="utf-8")
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder), encoding="utf-8")
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield Proxy(port, plain_port, folder / "ca.pem", folder / "access.log")
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)
    errors = (folder / "error.log").read_text(encoding="utf-8")
    assert not re.search(r"\[(emerg|alert|crit|error)\]", errors), errors


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "nginx has ended"
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.02)
        else:
            return
