"""A web server for tests, over HTTPS: policy hosts, and where TLS reports are posted to."""

import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Web:
    """Serves `files` by host and path on a port of 127.0.0.1, and keeps what is posted."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.files: dict[str, bytes] = {}  # by `host/path`; what is missing is answered with 404
        self.asked: list[str] = []
        self.posted: list[tuple[str, str, bytes]] = []  # `host/path`, type, body
        self.post_status = 201
        self.delay_seconds = 0.0  # before a file is served
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            name = self._name()
            web.asked.append(name)
            time.sleep(web.delay_seconds)
            found = web.files.get(name)
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            web.posted.append((self._name(), self.headers["Content-Type"], body))
            self.send_response(web.post_status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _name(self) -> str:
            return self.headers["Host"].partition(":")[0] + self.path

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
