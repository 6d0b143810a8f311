"""Measure a model on code it has never seen: every score with its interval, beside baselines a critic would ask for.

Import the modules themselves (`eval.statistics`, `eval.similarity`, `eval.tables` need no torch); this package imports
nothing.
"""
