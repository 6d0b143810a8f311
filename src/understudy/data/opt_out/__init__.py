"""What its authors do not want in a corpus, and which artifacts were built from it.

opt_outs ─▶ decisions/opt_out.py, steps/opted_out.py     what a list names is left out
         └▶ built_from                                   what was made of it before
"""

from __future__ import annotations

from understudy.data.opt_out.opt_outs import OPTED_OUT, OptOut, OptOuts, opt_outs_in, opt_outs_of, read_opt_outs

__all__ = ["OPTED_OUT", "OptOut", "OptOuts", "opt_outs_in", "opt_outs_of", "read_opt_outs"]
