"""Listening sockets: who shares a port, and what is said when it cannot be bound."""

import errno
import os
import socket

import pytest

from mailwarden.system.net.sockets import ListenError, _explain, bind_listener


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_workers_share_a_port(address: str) -> None:
    with bind_listener("In", address, 0, backlog=5, exclusive=True) as first:
        port = first.getsockname()[1]
        with bind_listener("In", address, port, backlog=5) as second:
            assert second.getsockname() == first.getsockname()
            assert not second.getblocking()
            assert second.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def test_ipv6_sockets_leave_ipv4_alone() -> None:
    with bind_listener("In", "::1", 0, backlog=5) as bound:
        assert bound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_a_second_gateway_is_refused() -> None:
    with bind_listener("In", "127.0.0.1", 0, backlog=5, exclusive=True) as first:
        port = first.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            bind_listener("Public", "127.0.0.1", port, backlog=5, interface="Data1", exclusive=True)
    assert caught.value.errno == errno.EADDRINUSE
    text = str(caught.value)
    assert "listener Public" in text
    assert f"127.0.0.1:{port} (interface Data1)" in text
    assert f"process {os.getpid()} (" in text
    assert text.endswith(" listens there; end it, or choose another port")


def test_a_foreign_address_is_refused() -> None:
    with pytest.raises(ListenError, match="this machine has no such address") as caught:
        bind_listener("In", "192.0.2.1", 2525, backlog=5)
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_a_low_port_without_rights_is_explained() -> None:
    error = _explain(PermissionError(errno.EACCES, "Permission denied"), "In", "::1", 25, "")
    assert str(error).startswith(
        "listener In cannot listen on [::1]:25: Permission denied: ports below 1024"
    )
    assert "CAP_NET_BIND_SERVICE" in str(error)


def test_other_reasons_are_passed_on() -> None:
    error = _explain(OSError(errno.ENOBUFS, "No buffer space"), "In", "::1", 25, "")
    assert str(error).endswith("No buffer space")


def test_a_holder_that_cannot_be_seen_is_to_be_looked_for() -> None:
    error = _explain(OSError(errno.EADDRINUSE, "Address in use"), "In", "192.0.2.1", 25, "")
    assert str(error).endswith(
        "another program, which `ss -ltnp 'sport = :25'` shows, listens there; end it, or choose "
        "another port"
    )
