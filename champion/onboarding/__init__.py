"""What a new user and a new machine need: a use case for a table, and what is missing here."""
