"""DVC and its remotes."""
