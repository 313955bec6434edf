"""Tests of `mailwarden.system.clock`."""
