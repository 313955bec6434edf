"""Addresses, envelopes, messages and reports as values."""
