"""Asynchronous DNS with a cache."""
