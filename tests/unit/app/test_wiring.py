"""What a worker does with the sockets that it is handed."""

import dataclasses
import socket
import struct
from pathlib import Path

from mailwarden.app.wiring import set_backlogs
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import demo_text, parse_config
from mailwarden.system.net.sockets import bind_listener


def backlog(listening: socket.socket) -> int:
    """Return how many connections may wait: `tcpi_sacked`, for a socket that listens (tcp(7))."""
    info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("8B24I", info)[8 + 5])


def with_queue(config: GatewayConfig, length: int) -> GatewayConfig:
    listeners = [dataclasses.replace(x, listen_queue=length) for x in config.listeners]
    return dataclasses.replace(config, listeners=tuple(listeners))


def test_a_changed_listen_queue_takes_effect_at_once() -> None:
    config = parse_config(demo_text(), "demo", Path("/tmp"), look_at_files=False)
    with bind_listener("Public", "127.0.0.1", 0, backlog=50) as bound:
        assert backlog(bound) == 50
        set_backlogs(with_queue(config, 7), {"Public": bound})
        assert backlog(bound) == 7
