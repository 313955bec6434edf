"""A server of updates for tests: a folder with a signed list, shown over HTTP or HTTPS."""

import base64
import functools
import ssl
import subprocess
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from mailwarden.control.operations.update_list import sign_list

COMPONENT = "reputation"


class UpdateSource:
    """A folder with updates that are signed, and what is needed to check that."""

    def __init__(self, directory: Path) -> None:
        self.folder = directory / "shown"
        self.folder.mkdir(parents=True)
        self.private, self.public = directory / "private.pem", directory / "public.pem"
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.private)
        openssl("pkey", "-in", self.private, "-pubout", "-out", self.public)
        self._time = time.time()

    def offer(self, version: str, feed: str, component: str = COMPONENT) -> Path:
        """Offer a version of a component; return its feed."""
        place = self.folder / component / version
        place.mkdir(parents=True, exist_ok=True)
        path = place / "scores.txt"
        path.write_text(feed)
        openssl(
            "pkeyutl", "-sign", "-rawin", "-inkey", self.private, "-in", path,
            "-out", f"{path}.sig",
        )  # fmt: skip
        self.sign(f"{component}/{version}")
        return path

    def sign(self, *versions: str, days: int | None = None) -> None:
        """Write the list."""
        self._time += 1  # each list has another serial
        sign_list(self.folder, versions, self.private, now=self._time, days=days)


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class UpdateServer:
    """Shows a folder on a port of 127.0.0.1; also as a proxy for http."""

    def __init__(self, folder: Path, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.asked: list[str] = []
        self.login = ""  # `user:password` that is needed
        self.redirect = ""
        handler = functools.partial(_Handler, self, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        self.clients: list[str] = []
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Handler(SimpleHTTPRequestHandler):
    timeout = 10

    def __init__(self, server: UpdateServer, *arguments: Any, directory: str) -> None:
        self.shown = server
        super().__init__(*arguments, directory=directory)

    def do_GET(self) -> None:
        server = self.shown
        server.asked.append(self.path)
        server.clients.append(self.client_address[0])
        wanted = f"Basic {base64.b64encode(server.login.encode()).decode()}"
        if server.login and self.headers["Authorization"] != wanted:
            self.send_error(401)
        elif server.redirect:
            self.send_response(302)
            self.send_header("Location", server.redirect)
            self.end_headers()
        else:
            if self.path.startswith("http://"):  # as a proxy
                self.path = "/" + self.path.split("/", 3)[3]
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass
