"""What a cell means to a model: numbers written as texts, moments and their clocks."""
