"""Exam texts inside documents: which of HumanEval, MBPP and the like a corpus would teach by heart.

recipe ─▶ wanted (files found) ─▶ index (built once, a file) ─▶ finder (one for each worker) ─▶ matches
                                      └───── kernel: words, hashes, look-ups, compiled ─────┘
"""
