"""A team's own code: modules of its checkout, from which its use case takes estimators and steps before the model."""
