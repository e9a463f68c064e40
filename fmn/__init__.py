"""FMN: find video by voice, and voice by video."""

from pathlib import Path

__version__ = "0.1.0"

# In a checkout the rooms (extract/, cache/, ...) stand beside this folder; an installed package has them inside it.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "setup.cfg").is_file() and (_checkout / "extract").is_dir():
    __path__.append(str(_checkout))
