"""The Docker engine: the images of the Dockerfile, and steps in containers."""
