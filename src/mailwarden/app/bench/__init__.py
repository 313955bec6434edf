"""The project's own benchmark: paired runs against other mail servers, on loopback."""
