"""The datasets of the field: annotation files as published -> a manifest.

An importer looks for the videos in a `VideoFolder` and returns `Imported` rows, which `write_manifest` writes:
`import_mpii_cooking1`, `import_youcook2`, `import_folders`; MPII Cooking 2 in two steps, `read_intervals` and
`import_intervals`. They are loaded when first used.
"""

from typing import TYPE_CHECKING

from fmn.lazy import offer

__getattr__, __all__ = offer(__name__, __file__)
if TYPE_CHECKING:
    from .folders import import_folders as import_folders
    from .imported import Imported as Imported
    from .imported import write_manifest as write_manifest
    from .mpii_cooking1 import import_mpii_cooking1 as import_mpii_cooking1
    from .mpii_cooking2 import import_intervals as import_intervals
    from .mpii_cooking2 import read_intervals as read_intervals
    from .video_folder import VideoFolder as VideoFolder
    from .youcook2 import import_youcook2 as import_youcook2
