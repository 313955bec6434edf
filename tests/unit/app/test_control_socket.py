"""The control socket between command line and gateway."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.control_socket import SOCKET_NAME, ControlServer, NotRunningError, ask


async def echo(request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for number in range(request.get("times", 1)):
        yield {"heard": request["command"], "n": number}


async def test_answers_come_one_by_one(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, echo)
    await server.start()
    answers = await asyncio.to_thread(
        lambda: list(ask(tmp_path, {"command": "status", "times": 3}))
    )
    assert answers == [{"heard": "status", "n": n} for n in range(3)]
    assert (tmp_path / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
    await server.close()
    with pytest.raises(NotRunningError, match="no gateway is running"):
        list(ask(tmp_path, {"command": "status"}))


async def test_a_folder_deeper_than_a_socket_address_is_fine(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    server = ControlServer(deep, echo)
    await server.start()
    answers = await asyncio.to_thread(lambda: list(ask(deep, {"command": "x"})))
    assert answers == [{"heard": "x", "n": 0}]
    await server.close()


async def test_a_dead_gateways_socket_is_replaced_a_living_one_refuses(tmp_path: Path) -> None:
    (tmp_path / SOCKET_NAME).touch()
    server = ControlServer(tmp_path, echo)
    await server.start()
    with pytest.raises(OSError, match=f"running already with {tmp_path}: process {os.getpid()};"):
        await ControlServer(tmp_path, echo).start()
    assert await asyncio.to_thread(lambda: list(ask(tmp_path, {"command": "status"})))
    await server.close()
    await server.close()
    again = ControlServer(tmp_path, echo)
    await again.start()
    await again.close()


async def test_a_gateway_that_does_not_listen_yet_has_the_folder_all_the_same(
    tmp_path: Path,
) -> None:
    server = ControlServer(tmp_path, echo)
    await server.start()
    (tmp_path / SOCKET_NAME).unlink()
    with pytest.raises(OSError, match="just starting or stopping"):
        await ControlServer(tmp_path, echo).start()
    await server.close()


async def test_nonsense_gets_an_answer(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, echo)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET_NAME))
    writer.write(b"[1, 2\n")
    assert b"not understood" in await reader.readline()
    writer.close()
    await server.close()


def why_not(folder: Path) -> str:
    with pytest.raises(NotRunningError) as caught:
        list(ask(folder, {"command": "status"}))
    return str(caught.value)


def test_why_no_gateway_answers_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_not(tmp_path / "nowhere").endswith("nowhere: there is no such folder")
    assert why_not(tmp_path) == f"no gateway is running with {tmp_path}"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET_NAME))
    assert why_not(tmp_path).endswith(": the last one was killed")

    def closed(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mailwarden.app.control_socket.connect_unix", closed)
    assert why_not(tmp_path).startswith(f"{tmp_path} is closed to this user: be root")
