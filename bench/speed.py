"""What the fast paths are worth: each against a named peer in the same run, as a ratio.

    python bench/speed.py --out docs/results/speed.csv

Ratios are medians over the repetitions, peer and fast path in turn; absolute seconds depend on the machine.
"""

import statistics
import time
from pathlib import Path

import click
import numpy as np
import torch

from fmn.extract.media.flow import flow_fields
from fmn.extract.networks.i3d import untrained_i3d
from fmn.extract.networks.i3d_fast import FastI3d
from fmn.retrieval.memory import FeatureMemory
from fmn.tables import as_csv


def i3d():
    """A window of 64 frames of 112 x 112 through I3D: the inference copy (bf16 if there is some) / fp32 modules."""
    network, clip = untrained_i3d(3, 0), torch.rand(1, 3, 64, 112, 112) * 2 - 1
    fast = FastI3d(network)

    def plain():
        with torch.inference_mode():
            network.features(clip)

    return "I3D window", "torch modules, fp32", plain, lambda: fast.features(clip)


def memory():
    """A batch of 64 pairs, 2048-d, into 50 slots: the vectorised update / the rule pair by pair with torch."""
    generator = torch.Generator().manual_seed(0)
    video, audio = (torch.randn(64, 2048, generator=generator) for _ in range(2))
    s1 = torch.ones(64)
    vectorised, single = (FeatureMemory(50, 2048, 0.5, 0.05, 0.1) for _ in range(2))

    def pair_by_pair():
        for i in range(64):
            single.update(video[i : i + 1], audio[i : i + 1], s1[i : i + 1])

    return "memory update", "one update a pair", pair_by_pair, lambda: vectorised.update(video, audio, s1)


def flow():
    """Nine fields of 171 x 128 pixels: DIS / TV-L1."""
    random = np.random.default_rng(0)
    base = np.kron(random.integers(0, 255, (20, 24, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    frames = [np.ascontiguousarray(np.roll(base, k, 1)[:128, :171]) for k in range(10)]
    return "optical flow", "TV-L1", lambda: list(flow_fields(frames, "tvl1")), lambda: list(flow_fields(frames, "dis"))


@click.command()
@click.option("--repeat", default=5, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(repeat, threads, out):
    torch.set_num_threads(threads)
    lines = []
    for what, peer, slow, fast in (i3d(), memory(), flow()):
        slow(), fast()
        ratios, seconds = [], []
        for _ in range(repeat):
            began = time.perf_counter()
            slow()
            middle = time.perf_counter()
            fast()
            end = time.perf_counter()
            seconds.append(end - middle)
            ratios.append((middle - began) / (end - middle))
        lines.append(
            {
                "what": what,
                "peer": peer,
                "times_faster": round(statistics.median(ratios), 2),
                "lowest": round(min(ratios), 2),
                "highest": round(max(ratios), 2),
                "seconds": round(statistics.median(seconds), 4),
                "threads": threads,
            }
        )
        click.echo(lines[-1])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_csv(list(lines[0]), lines, newline="\n"), encoding="utf-8")


if __name__ == "__main__":
    main()
