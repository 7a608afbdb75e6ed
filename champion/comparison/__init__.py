"""Champion and challenger on the same rows, and the decision that follows."""
