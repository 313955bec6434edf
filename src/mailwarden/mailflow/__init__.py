"""The mail's way; its four packages meet only in the spool."""
