"""Wall and monotonic time, real and simulated."""
