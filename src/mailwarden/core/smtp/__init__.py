"""SMTP conversations as state machines, for server and client."""
