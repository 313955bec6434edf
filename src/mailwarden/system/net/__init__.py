"""Sockets and timers."""
