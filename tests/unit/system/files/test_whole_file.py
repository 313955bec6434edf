"""A file that is replaced whole is the old one or the new one, whatever happens meanwhile."""

import errno
from random import Random

import pytest

from mailwarden.system.files.simulated import Faults, SimulatedDisk, Stopped
from mailwarden.system.files.whole_file import replace_file

PATH = "state/file"
OLD, NEW = [b"old\n"] * 400, [b"new\n"] * 2500


def disk() -> SimulatedDisk:
    made = SimulatedDisk()
    made.make_directory("state")
    made.sync_directory("")
    made.close(replace_file(made, PATH, OLD))
    return made


def steps() -> int:
    made = disk()
    before = made.operations
    made.close(replace_file(made, PATH, NEW))
    return made.operations - before


@pytest.mark.parametrize("stop_after", [False, True])
def test_after_a_power_cut_at_any_step_one_of_them_is_there(stop_after: bool) -> None:
    seen = set()
    for step in range(steps()):
        for chance in range(5):
            made = disk()
            made.faults = Faults(stop_at=made.operations + step, stop_after=stop_after, torn=0.5)
            with pytest.raises(Stopped):
                replace_file(made, PATH, NEW)
            made.power_cut(Random(chance))
            seen.add(made.content(PATH))
            made.close(replace_file(made, PATH, NEW))  # what is left over is in nobody's way
            assert made.content(PATH) == b"".join(NEW)
    assert seen == {b"".join(OLD), b"".join(NEW)}


def test_what_was_replaced_survives_a_power_cut() -> None:
    made = disk()
    made.close(replace_file(made, PATH, NEW))
    made.power_cut(Random(1))
    assert made.content(PATH) == b"".join(NEW)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(capacity=3000),
        Faults(read_only=True),
        Faults(errors=[("sync", "file.new", errno.EIO)]),
        Faults(errors=[("rename", "", errno.EIO)]),
    ],
)
def test_a_file_that_cannot_be_written_leaves_the_old_one(faults: Faults) -> None:
    made = disk()
    made.faults = faults
    with pytest.raises(OSError, match=r"."):
        replace_file(made, PATH, NEW)
    assert made.content(PATH) == b"".join(OLD)
    made.faults = Faults()
    made.close(replace_file(made, PATH, NEW))
    assert made.content(PATH) == b"".join(NEW)
