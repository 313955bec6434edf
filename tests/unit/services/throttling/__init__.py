"""Tests of `mailwarden.services.throttling`."""
