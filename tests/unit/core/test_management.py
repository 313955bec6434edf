"""Ways in for administrators: which there are, what is in their way, and that one is left."""

import pytest

from mailwarden.core.interface import Interface
from mailwarden.core.management import (
    ManagementPath,
    Service,
    clashes,
    last_path_problem,
    management_paths,
)


def interface(address: str = "192.0.2.1", ssh_port: int | None = None) -> Interface:
    return Interface(address=address, ssh_port=ssh_port)


@pytest.mark.parametrize(
    ("name", "ssh_port", "port"),
    [
        ("Management", None, 22),
        ("Management", 2522, 2522),
        ("Management", 0, None),
        ("Data1", None, None),
        ("management", None, None),
        ("Data1", 2522, 2522),
    ],
)
def test_sys_20_ssh_is_on_for_management_alone(
    name: str, ssh_port: int | None, port: int | None
) -> None:
    expected = () if port is None else (ManagementPath(Service.SSH, name, "192.0.2.1", port),)
    assert management_paths({name: interface(ssh_port=ssh_port)}) == expected


def test_what_is_in_the_way() -> None:
    paths = management_paths(
        {
            "Management": interface(),
            "Data1": interface("192.0.2.2", 25),
            "Data2": interface("192.0.2.2", 2522),
            "Data3": interface("192.0.2.2", 2522),
        }
    )
    listeners = {("192.0.2.2", 25): "In", ("192.0.2.1", 25): "Out"}
    assert [(path.interface, what) for path, what in clashes(paths, listeners)] == [
        ("Data1", "the listener 'In'"),
        ("Data3", "ssh of the interface 'Data2'"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "is_refused"),
    [
        (22, 0, True),
        (22, 2522, False),
        (0, 0, False),
        (0, 22, False),
    ],
)
def test_sys_21_the_last_way_in_cannot_be_closed(before: int, after: int, is_refused: bool) -> None:
    problem = last_path_problem(
        {"Data1": interface(ssh_port=before)}, {"Data2": interface(ssh_port=after)}
    )
    assert (problem is not None) is is_refused
    if problem is not None:
        assert problem.path == "interfaces"
