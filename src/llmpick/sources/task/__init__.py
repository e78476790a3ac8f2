"""The user's task file and its rows, read into a `Task`."""

from llmpick.sources.task.load import load_task

__all__ = ["load_task"]
