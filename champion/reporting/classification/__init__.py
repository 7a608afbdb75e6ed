"""What is said and drawn of models that know classes."""
