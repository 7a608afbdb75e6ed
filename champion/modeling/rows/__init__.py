"""What a row is: the hash of what its cells mean, and the sketch of the rows that a model learned from."""
