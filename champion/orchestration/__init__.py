"""All that knows ZenML's inside: client and store, locks, cache key, patches, materializers, containers, stacks."""
