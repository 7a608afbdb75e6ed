"""The rival of the million-row claim."""
