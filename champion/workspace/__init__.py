"""The files of the checkout, and git."""
