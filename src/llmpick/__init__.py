"""llmpick chooses the large language model for your task, with evidence, at the lowest cost."""

__version__ = "0.1.0"
