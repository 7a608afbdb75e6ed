"""Object stores: what is read from an address instead of a file."""
