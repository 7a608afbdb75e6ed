"""One module per kind of DVC remote: how it is prepared, checked, and what its failures mean."""
