"""How to install an extra, in the way in which fmn itself was installed."""

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fmn import DISTRIBUTION


def hint(extra: str = "") -> str:
    """The command that installs fmn with an extra of setup.cfg ("": with none), to be named in an error's sentence.

    From a checkout it is installed by its path, as the name would ask the package index; from a wheel by its name.
    """
    wanted = f"[{extra}]" if extra else ""
    origin = _origin()
    if origin is None:
        name = DISTRIBUTION + wanted
        return f"pip install '{name}'" if extra else f"pip install {name}"
    folder, editable = origin
    path = f"'.{wanted}'" if extra else "."
    return f"pip install {'--editable ' if editable else ''}{path} in {folder}"


def _origin() -> tuple[Path, bool] | None:
    """The checkout that fmn was installed from and whether in editable mode (PEP 610); None: it came as a wheel."""
    # Imported from a checkout that nobody installed, the rooms stand beside this folder.
    beside = Path(__file__).resolve().parent.parent
    try:
        said = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        return (beside, False) if (beside / "setup.cfg").is_file() else None
    if "dir_info" not in said:  # a wheel; or in a checkout its egg-info, which Python finds first where it is run there
        return (beside, True) if (beside / "setup.cfg").is_file() else None
    folder = Path(url2pathname(urlsplit(said["url"]).path))
    return (folder, bool(said["dir_info"].get("editable"))) if (folder / "setup.cfg").is_file() else None
