"""Principal components of one side, brought to a common size."""

import numpy as np

from .pairs import Floats


def principal_basis(features: Floats, components: int) -> Floats:
    """[n, D] -> [D, k], k at most `components`: orthogonal directions, times what makes their mean variance 1.

    Directions without variance are left out, so k is below D and n. The components are those of all vectors, each
    counted once, whether it has a match or not.
    """
    centred = features - features.mean(0)
    if len(centred) > centred.shape[1]:
        squares, directions = np.linalg.eigh(centred.T @ centred)
        squares, directions = squares[::-1], directions[:, ::-1]
    else:
        _, roots, rows = np.linalg.svd(centred, full_matrices=False)
        squares, directions = roots**2, rows.T
    # At least one is kept: whether vectors vary at all is for the fit to say.
    kept = max(1, min(components, int((squares > 1e-10 * squares[0]).sum())))
    variance = squares[:kept].mean() / len(centred)
    return np.asarray(directions[:, :kept] / (np.sqrt(variance) if variance > 0 else 1.0))
