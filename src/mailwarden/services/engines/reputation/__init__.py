"""What is known of a sending host: a score from -10.0 (bad) to +10.0 (good), or none."""
