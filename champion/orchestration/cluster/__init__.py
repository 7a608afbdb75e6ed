"""A run on a Kubernetes cluster, as seen from outside: its jobs and pods, what the cluster refuses, and how it is stopped."""
