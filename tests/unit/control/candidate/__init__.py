"""Unit tests of a session's changes before they are committed."""
