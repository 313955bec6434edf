"""Tables that an administrator keeps, and how they are matched; no I/O."""
