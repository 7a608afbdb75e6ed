"""A team's own code: transformers and estimators that a use case names in `code`; docs/own-code.md."""
