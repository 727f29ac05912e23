"""The spec and what it becomes: the only folder that composes the others."""
