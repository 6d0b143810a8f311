"""Understudy: train, measure, serve and keep improving a code-completion model that knows your lines.

Importing this package does no work. From Python, start at `understudy.api`: `plan`, `run`, `engine`.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
