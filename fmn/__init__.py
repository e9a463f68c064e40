"""FMN: find video by voice, and voice by video.

What a caller needs is exported by the rooms: `fmn.extract`, `fmn.cache`, `fmn.train`, `fmn.retrieval`, `fmn.speech`,
`fmn.datasets` and `fmn.demo`. Importing any of them is quick; what they export is loaded when it is first used.
"""

from pathlib import Path

__version__ = "0.1.0"

DISTRIBUTION = "fmn-retrieval"
"""The name under which pip knows this project; `fmn` on the package index is another one."""

# In a checkout the rooms (extract/, cache/, ...) stand beside this folder; an installed package has them inside it.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "setup.cfg").is_file() and (_checkout / "extract").is_dir():
    __path__.append(str(_checkout))
