"""A command loads only what it needs, and importing a module does nothing."""

import subprocess
import sys

import pytest

HEAVY = ("dns", "uvloop", "idna", "ssl", "jsonschema")
COMMANDS = [
    ["version"],
    ["status"],
    ["queue", "list"],
    ["check", "--example"],
    ["--help"],
]
PROGRAM = """
import sys
from mailwarden.control.cli.main import run
handlers = dict.fromkeys(("status", "queue"), lambda arguments: 0)
code = run(sys.argv[1:], handlers)
print("loaded:", *[name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_quick_commands_load_little(argv: list[str]) -> None:
    program = PROGRAM.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "loaded:\n")
