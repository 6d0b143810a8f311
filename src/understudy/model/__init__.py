"""The decoder: its shape, its weights, its loss, its checkpoints, and how fast this machine runs it.

Import the modules themselves (`model.config` needs no torch; the rest do); this package imports nothing.
"""
