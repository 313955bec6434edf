"""Tests of SMTP call-ahead."""
