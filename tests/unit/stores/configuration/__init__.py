"""Unit tests of the configuration store."""
