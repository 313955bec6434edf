"""Tests of updates."""
