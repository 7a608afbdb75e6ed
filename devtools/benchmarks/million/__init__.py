"""One million rows: the table, and the plain script that learns from it."""
