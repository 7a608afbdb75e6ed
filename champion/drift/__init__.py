"""New data beside what the champion was trained on: counts, tests, verdicts."""
