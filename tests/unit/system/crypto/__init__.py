"""Tests of `mailwarden.system.crypto`."""
