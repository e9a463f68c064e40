"""Which items are the same recording or clip, by their features: names differ where the folders do."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from fmn.errors import InputError

from .models import Config
from .standardiser import Standardiser

ENROLLED_FILE = "enrolled.safetensors"
# Distance of two encodings of one file, as a share of the vector's length, both standardised: rounding only. Different
# items of one category were measured to be 0.37 apart at the least, and 0.65-0.9 from their nearest neighbour as a rule.
SAME = 0.02


def seen(features: NDArray[np.float32], known: NDArray[np.float32], standard: Standardiser) -> NDArray[np.bool_]:
    """Which rows of features [n, D] are the content of a row of known [m, D]: bool [n].

    standard: how the modality is standardised; pooled features share an offset that makes all of them look alike.
    """
    device = standard.mean.device
    left, right = (standard(torch.from_numpy(np.array(each)).to(device)) for each in (features, known))
    lengths = torch.linalg.vector_norm(left, dim=1)
    nearest = torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist").amin(1)
    found: NDArray[np.bool_] = (nearest <= SAME * lengths).cpu().numpy()
    return found


def read_enrolled(run: Path, config: Config) -> dict[str, NDArray[np.float32]]:
    """Modality -> features of the enrolled pairs of a run; InputError when they are missing or garbled."""
    path = run / ENROLLED_FILE
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"A run with enrolled categories holds {ENROLLED_FILE}; that of {run} cannot be read ({error})."
        ) from None
    for modality, dim in (("video", config.video_dim), ("audio", config.audio_dim)):
        each = found.get(modality)
        if each is None or each.dtype != np.float32 or each.ndim != 2 or each.shape[1] != dim or not len(each):
            raise InputError(f"{path} does not hold {modality} features [n, {dim}]. Enrol again.")
        if not np.isfinite(each).all():
            raise InputError(f"{path} holds {modality} features that are not finite. Enrol again.")
    return {modality: found[modality] for modality in ("video", "audio")}
