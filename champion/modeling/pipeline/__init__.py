"""What stands in a fitted pipeline or around its estimator, and scikit-learn has not."""
