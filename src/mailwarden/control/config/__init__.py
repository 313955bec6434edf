"""The gateway's configuration: one typed, immutable value."""
