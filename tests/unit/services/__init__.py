"""Tests of `mailwarden.services`."""
