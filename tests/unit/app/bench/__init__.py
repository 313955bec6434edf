"""Unit tests of the benchmark's own logic; nothing is measured here."""
