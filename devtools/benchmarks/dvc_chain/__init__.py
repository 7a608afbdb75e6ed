"""The rival of the iris claims: a DVC chain of plain scripts, as a competent user would write it."""
