"""Learning which of a few classes a row belongs to."""
