"""What is amiss with a table: cells that are not of their column's kind, and what differs from the champion's signature."""
