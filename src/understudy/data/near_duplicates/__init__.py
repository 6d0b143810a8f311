"""Near-duplicates: files that share most of their five-word runs, found by signatures and verified one by one.

sketch (a step: each file's signature)  ─▶  find_clusters  ─▶  choose: which copy stays, asked again as often as needed

Importing `find` brings the compiled loops; this module is light, for workers read the settings from it.
"""

from understudy.data.near_duplicates.settings import Banding, NearSettings, banding

__all__ = ["Banding", "NearSettings", "banding"]
