"""What is doubtful about a table that can be learned from: equal rows, several rows of one thing, leaks.

All of it is looked for in a bounded sample; what is found are names of columns and numbers, never a value of the table.
"""
