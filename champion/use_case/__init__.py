"""The use case, in three parts, so that what trains a model reaches no policy: import the part that you need."""
