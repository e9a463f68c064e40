"""Audio encoders of one network over patches of a mel spectrogram: MusiCNN and VGGish."""

from typing import Any

from ..networks import musicnn, vggish
from .backbone import Backbone
from .settings import ExtractSettings
from .windows import windows_kind


def _musicnn_settings(settings: ExtractSettings) -> dict[str, Any]:
    return dict(musicnn.SETTINGS)


def _vggish_settings(settings: ExtractSettings) -> dict[str, Any]:
    return dict(vggish.SETTINGS)


MUSICNN = Backbone(
    modality="audio",
    name="musicnn",
    title="MusiCNN",
    dim=musicnn.FEATURES,
    build=musicnn.musicnn,
    load=musicnn.load_musicnn,
    preprocessing=_musicnn_settings,
    windows=musicnn.patches,
    names=("MTT_musicnn", "musicnn.safetensors"),
    origin="the folder musicnn/MTT_musicnn of the Python package musicnn (pip download --no-deps musicnn)",
    elsewhere=musicnn.installed_musicnn,
    chunk=8,
)

VGGISH = Backbone(
    modality="audio",
    name="vggish",
    title="VGGish",
    dim=vggish.FEATURES,
    build=vggish.vggish,
    load=vggish.load_vggish,
    preprocessing=_vggish_settings,
    windows=vggish.patches,
    names=("vggish-10086976.pth",),
    origin="vggish-10086976.pth of harritaylor/torchvggish",
    chunk=8,
)

PATCHES = tuple(windows_kind(backbone) for backbone in (MUSICNN, VGGISH))
