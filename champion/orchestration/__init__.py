"""All that knows ZenML's inside: client and store, its lock, cache key, patches, materializers, containers, stacks."""
