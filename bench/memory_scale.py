"""What a memory of items costs as it grows: seconds to write it, to index a gallery, and a query.

    python bench/memory_scale.py --out docs/results/memory_scale.csv

Drawn vectors, 2048-d a side, 100 categories, one thread; medians of three. A query is one recording against a gallery
of 1,000 clips whose similarities are known.
"""

import statistics
import time
from pathlib import Path

import click
import torch

from fmn.retrieval.remembering import MemoryConfig, MemoryNetwork
from fmn.tables import as_csv

DIM, CATEGORIES, GALLERY = 2048, 100, 1000
torch.set_num_threads(1)


def drawn(n, seed):
    random = torch.Generator().manual_seed(seed)
    codes = torch.arange(n) % CATEGORIES
    centres = torch.randn(CATEGORIES, DIM, generator=torch.Generator().manual_seed(0))
    return 0.3 * centres[codes] + torch.randn(n, DIM, generator=random), codes


def seconds(task, times=3):
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        task()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def write_csv(out, lines):
    """After each line: the largest memories take minutes, and one may not want to wait for them."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_csv(list(lines[0]), lines, newline="\n"), encoding="utf-8")


@click.command()
@click.option("--most", default=100_000, show_default=True, help="Remembered items a modality, at the most.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(most, out):
    lines = []
    for kernel in ("linear", "rbf"):
        for n in (700, 3_000, 10_000, 100_000):
            if n > most:
                continue
            video, codes = drawn(n, 1)
            names = [str(code) for code in range(CATEGORIES)]
            sizes = {"video_dim": DIM, "audio_dim": DIM, "video_items": n, "audio_items": n}
            network = MemoryNetwork(MemoryConfig(**sizes, names=names, kernel=kernel))
            query, _ = drawn(1, 3)
            gallery, _ = drawn(GALLERY, 4)

            def write(network=network, video=video, codes=codes):
                network.remember(video, video, codes, codes)
                network.reader("video"), network.reader("audio")

            written = seconds(write, 1 if n > 10_000 else 3)
            indexed = seconds(
                lambda network=network, gallery=gallery: network.gallery_similarities("video", gallery), 1
            )
            known = network.similarities("video", gallery)

            def ask(network=network, query=query, known=known):
                network.from_similarities(known, network.similarities("audio", query), None).argmax()

            line = {
                "kernel": kernel,
                "remembered": n,
                "write_s": written,
                "index_1000_s": indexed,
                "query_s": seconds(ask),
            }
            lines.append({key: round(value, 5) if isinstance(value, float) else value for key, value in line.items()})
            click.echo(lines[-1])
            write_csv(out, lines)


if __name__ == "__main__":
    main()
