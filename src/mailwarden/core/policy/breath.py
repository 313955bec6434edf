"""Where long work lets the other threads of a process run.

This module is never compiled. Compiled code keeps the interpreter's lock however long it takes,
and gives it up at the earliest when it calls a function that is interpreted: this one.
"""


def breathe() -> None:
    """Let another thread run that has waited for a few milliseconds."""
