"""See docs/developer/testing.md for what belongs here."""
