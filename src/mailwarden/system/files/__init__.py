"""File operations that the spool depends on, real and faulty."""
