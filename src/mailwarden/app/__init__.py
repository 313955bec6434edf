"""Entry points, supervisor and wiring: the only package that knows all others."""
