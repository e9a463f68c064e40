"""Stage 1: media in, features out. Decode, flow, I3D; waveform, MFCC, Bi-LSTM; the item graph.

`extract` fills a cache, `encode_query` encodes a file with a cache's own encoders, `finetune_video` and
`finetune_audio` fit encoders on a `MediaSet`. `frames`, `waveform` and `flow_fields` read media, `load_i3d` reads an
`InceptionI3d` from a published file. They are loaded when first used.
"""

from typing import TYPE_CHECKING

from fmn.lazy import offer

__getattr__, __all__ = offer(__name__, __file__)
if TYPE_CHECKING:
    from .encoders.settings import ExtractSettings as ExtractSettings
    from .finetune import MediaSet as MediaSet
    from .finetune import finetune_audio as finetune_audio
    from .finetune import finetune_video as finetune_video
    from .media.flow import flow_fields as flow_fields
    from .media.frames import frames as frames
    from .media.waveform import waveform as waveform
    from .networks.i3d import InceptionI3d as InceptionI3d
    from .pipeline import Summary as Summary
    from .pipeline import extract as extract
    from .query import encode_query as encode_query
    from .weights.i3d_file import load_i3d as load_i3d
