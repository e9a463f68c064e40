"""TV-L1 against DIS: how alike the I3D flow features of real clips are.

    python bench/flow.py clips/ --weights fitted/flow.safetensors --out docs/results/flow.csv

For each clip the cosine between both flows' features, and, as the yardstick, the mean cosine between different clips;
"centred" is the same after the clips' mean is taken away, which pooled features share.
"""

import time
from pathlib import Path

import click
import numpy as np

from fmn.errors import BadItem
from fmn.extract.media.frames import frames
from fmn.extract.media.two_streams import VideoSettings, flow_clip, stream_windows
from fmn.extract.networks.i3d_fast import DTYPES, FastI3d
from fmn.extract.weights.i3d_file import load_i3d
from fmn.extract.weights.i3d_header import read_about
from fmn.tables import as_csv

METHODS = ("tvl1", "dis")


def vector(network, path, settings, most):
    rows = []
    for _, flow, _ in stream_windows(frames(path, end=most, fps=settings.fps), settings):
        rows.append(network.features(flow_clip(flow))[0].double().numpy())
    return np.mean(rows, axis=0)


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@click.command()
@click.argument("clips", type=click.Path(path_type=Path))
@click.option("--weights", type=click.Path(path_type=Path), required=True, help="Flow weights, published or fitted.")
@click.option("--most", default=5.0, show_default=True, help="Seconds of a clip at most.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(clips, weights, most, out):
    about = read_about(weights)
    shown = about.shown if about else VideoSettings()
    network = FastI3d(load_i3d(weights, 2), dtype=DTYPES[shown.dtype])
    found, seconds = {}, dict.fromkeys(METHODS, 0.0)
    for path in sorted(path for path in clips.rglob("*") if path.is_file()):
        try:
            both = []
            for method in METHODS:
                began = time.perf_counter()
                settings = VideoSettings(method, shown.short_side, shown.crop, shown.window, shown.fps)
                try:
                    both.append(vector(network, path, settings, most))
                except BadItem:
                    both.append(vector(network, path, settings, None))  # shorter than that
                seconds[method] += time.perf_counter() - began
            found[path.name] = both
        except BadItem as bad:
            click.echo(f"left out: {bad}")
    tvl1, dis = (np.stack([both[k] for both in found.values()]) for k in range(2))
    middle = tvl1.mean(axis=0)
    lines = [
        {"clip": name, "cosine": round(cosine(a, b), 4), "centred": round(cosine(a - middle, b - middle), 4)}
        for name, (a, b) in found.items()
    ]
    pairs = [(i, k) for i in range(len(tvl1)) for k in range(i)]
    lines.append(
        {
            "clip": "different clips, TV-L1 (mean)",
            "cosine": round(float(np.mean([cosine(tvl1[i], tvl1[k]) for i, k in pairs])), 4),
            "centred": round(float(np.mean([cosine(tvl1[i] - middle, tvl1[k] - middle) for i, k in pairs])), 4),
        }
    )
    nearest = [max(range(len(tvl1)), key=lambda k, b=b: cosine(b - middle, tvl1[k] - middle)) for b in dis]
    right = sum(k == i for i, k in enumerate(nearest))
    lines.append({"clip": f"DIS features whose nearest TV-L1 features are their own clip's: {right} of {len(dis)}"})
    for line in lines:
        click.echo(line)
    click.echo(f"TV-L1 took {seconds['tvl1'] / seconds['dis']:.1f} times as long as DIS, I3D included.")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_csv(list(lines[0]), lines, newline="\n"), encoding="utf-8")


if __name__ == "__main__":
    main()
