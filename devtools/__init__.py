"""What the project's own developers run: demo and benchmarks."""
