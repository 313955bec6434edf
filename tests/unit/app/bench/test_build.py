"""It is seen how the gateway would run."""

import platform
import sys

import pytest

from mailwarden.app.bench.build import inspect_build
from mailwarden.app.bench.workplace import BenchError
from mailwarden.core.smtp import server


def test_this_python_and_how_it_takes_the_modules() -> None:
    build = inspect_build(sys.executable)
    assert platform.python_version() in build.python
    assert build.compiled == str(server.__file__).endswith(".so")
    assert ("compiled," in build.label) == build.compiled


def test_an_interpreter_that_cannot_run_it_is_named() -> None:
    with pytest.raises(BenchError, match="/bin/false"):
        inspect_build("/bin/false")
