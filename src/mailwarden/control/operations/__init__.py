"""What an administrator can do, one function each."""
