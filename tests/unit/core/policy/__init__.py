"""Tables that an administrator keeps."""
