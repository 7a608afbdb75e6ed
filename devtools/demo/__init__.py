"""The whole loop on one machine, told as a story: ``make demo``."""
