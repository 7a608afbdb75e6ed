"""What one request costs, side by side: this project's service, its rivals and the floor."""
