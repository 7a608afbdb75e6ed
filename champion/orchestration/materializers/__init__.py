"""How artifacts lie in the store, one module per kind."""
