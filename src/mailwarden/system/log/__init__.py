"""The mail log, as text lines and as JSON events."""
