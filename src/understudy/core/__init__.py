"""The contracts every part agrees on. No torch, no heavy import.

recipe, recipe_file     what a run shall do          artifact, paths    what it leaves, and where
stage                   what a stage is given        tracking, console  what it says, and how that is drawn
engine                  how text is asked for        errors, units      words for failures and for numbers
hardware, network       facts of this machine; offline means offline
"""
