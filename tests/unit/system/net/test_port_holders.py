"""Who listens on a port, from tables of the kernel as they may look."""

import os
import sys
from pathlib import Path

import pytest

from mailwarden.system.net.port_holders import describe_process, find_port_holder

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid inode"
LITTLE = sys.byteorder == "little"


def word(text: str) -> str:
    """Return a word of the kernel's as this machine writes it."""
    return text if LITTLE else bytes.fromhex(text)[::-1].hex().upper()


def row(local: str, state: str, inode: int) -> str:
    return f"   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {inode}"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine on which 25 is taken on 127.0.0.1 only, 587 on all addresses, 465 on ::1."""
    (tmp_path / "net").mkdir()
    rows = [
        HEAD,
        row(f"{word('0100007F')}:0019", "0A", 11),
        row(f"{word('00000000')}:024B", "0A", 12),
        row(f"{word('0100007F')}:0050", "01", 13),  # a connection
        "rubbish",
    ]
    (tmp_path / "net" / "tcp").write_text("\n".join(rows))
    six = "".join(map(word, ("00000000", "00000000", "00000000", "01000000")))
    (tmp_path / "net" / "tcp6").write_text("\n".join([HEAD, row(f"{six}:01D1", "0A", 14)]))
    for pid, inode, command in ((9, 99, b"x"), (411, 11, b"exim4\0-bd\0"), (500, 12, b"")):
        folder = tmp_path / str(pid) / "fd"
        folder.mkdir(parents=True)
        (folder / "3").symlink_to(f"socket:[{inode}]")
        (folder / "4").write_text("no link")
        (folder.parent / "cmdline").write_bytes(command)
    return tmp_path


@pytest.mark.parametrize(
    ("address", "port", "holder"),
    [
        ("127.0.0.1", 25, "process 411 (exim4 -bd)"),
        ("192.0.2.1", 25, ""),
        ("192.0.2.1", 587, "process 500"),
        ("127.0.0.1", 80, ""),
        ("::1", 465, ""),  # its process is another user's
        ("::1", 25, ""),
    ],
)
def test_the_process_is_named(proc: Path, address: str, port: int, holder: str) -> None:
    assert find_port_holder(address, port, proc) == holder


def test_without_tables_nothing_is_known(tmp_path: Path) -> None:
    assert find_port_holder("127.0.0.1", 25, tmp_path / "nowhere") == ""


def test_a_command_line_cannot_command_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cmdline").write_bytes(b"\x1b[2J\xff" + b"x" * 1000)
    shown = describe_process(7, tmp_path)
    assert shown.startswith("process 7 (\\x1b[2J\\")
    assert shown.endswith("x...)")
    assert len(shown) < 120


def test_our_own_name_is_seen() -> None:
    assert describe_process(os.getpid()).startswith(f"process {os.getpid()} (")
