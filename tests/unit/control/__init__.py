"""Tests of how administrators command the gateway."""
