"""The wiring of the steps, and the launch of a run on the active stack."""
