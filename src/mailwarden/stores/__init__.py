"""What survives a restart; independent of one another."""
