"""Tests of feature switches."""
