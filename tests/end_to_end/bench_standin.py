"""A small relay that can be told to make one mistake; run as a program by the benchmark's tests.

    bench_standin.py PORT SINK_PORT FAULT [CERTIFICATE KEY]

It takes mail like a gateway, puts a Received field on top and hands it on before it answers. The
mistake is made with the message FAULT_AT: `none`, `lose`, `repeat`, `change` (a letter of the
body), `shorten`, `mix` (the body of another message), `refuse`, `hang_up` (behind the end of data).
"""

import re
import smtplib
import socketserver
import ssl
import sys
import threading

FAULT_AT = 70
ID = re.compile(rb"X-Bench-Id: \w+-(\d+)\r\n")


class Relay(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, sink: int, fault: str, context: ssl.SSLContext | None) -> None:
        self.sink, self.fault, self.context = sink, fault, context
        self.lock = threading.Lock()
        self.bodies: dict[int, bytes] = {}
        super().__init__(("127.0.0.1", port), Session)

    def relay(self, sender: str, recipients: list[str], content: bytes) -> str:
        found = ID.search(content)
        number = int(found[1]) if found else -1
        if self.fault == "mix":
            with self.lock:
                self.bodies[number] = content.partition(b"\r\n\r\n")[2]
        copies = 1
        if number == FAULT_AT:
            if self.fault == "refuse":
                return "554 5.6.0 Not today"
            if self.fault in ("lose", "repeat"):
                copies = 0 if self.fault == "lose" else 2
            content = self.spoil(content)
        for _ in range(copies):
            with smtplib.SMTP("127.0.0.1", self.sink, local_hostname="standin.test") as client:
                client.sendmail(sender, recipients, b"Received: by standin.test\r\n" + content)
        if number == FAULT_AT and self.fault == "hang_up":
            return ""
        return "250 2.0.0 Taken"

    def spoil(self, content: bytes) -> bytes:
        header, blank, body = content.partition(b"\r\n\r\n")
        match self.fault:
            case "change":
                body = body[:100] + (b"x" if body[100:101] != b"x" else b"y") + body[101:]
            case "shorten":
                body = body.partition(b"\r\n")[2]
            case "mix":
                with self.lock:
                    body = next(b for n, b in self.bodies.items() if n != FAULT_AT)
        return header + blank + body


class Session(socketserver.StreamRequestHandler):
    server: Relay

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")
        self.wfile.flush()

    def handle(self) -> None:
        self.say("220 standin.test ESMTP")
        sender, recipients = "", []
        while line := self.rfile.readline().decode("ascii").rstrip("\r\n"):
            verb = line[:4].upper()
            if verb == "EHLO":
                offers = ["standin.test", "PIPELINING", "CHUNKING", "8BITMIME"]
                if self.server.context is not None:
                    offers.append("STARTTLS")
                for offer in offers[:-1]:
                    self.say(f"250-{offer}")
                self.say(f"250 {offers[-1]}")
            elif verb == "STAR" and self.server.context is not None:
                self.say("220 2.0.0 Go on")
                self.connection = self.server.context.wrap_socket(self.request, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb")
            elif verb == "MAIL":
                sender, recipients = line.partition("<")[2].partition(">")[0], []
                self.say("250 2.1.0 Ok")
            elif verb == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
                self.say("250 2.1.5 Ok")
            elif verb in ("DATA", "BDAT"):
                content = self.content(line)
                reply = self.server.relay(sender, recipients, content)
                if not reply:
                    return
                self.say(reply)
            elif verb == "QUIT":
                self.say("221 2.0.0 Bye")
                return
            else:
                self.say("500 5.5.2 What?")

    def content(self, command: str) -> bytes:
        if command.upper().startswith("BDAT"):
            return self.rfile.read(int(command.split()[1]))
        self.say("354 Go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)


def main() -> None:
    port, sink, fault, *files = sys.argv[1:]
    context = None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
    with Relay(int(port), int(sink), fault, context) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
