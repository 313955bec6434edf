"""Tests of file operations, real and simulated."""
