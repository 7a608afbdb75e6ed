"""What Python finds first on its path in a pod."""
