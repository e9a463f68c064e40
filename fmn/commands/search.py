"""fmn-search: a recording or a clip in, the best items of the other modality out."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.table import Table

from fmn.child import Child, Limits
from fmn.commands.console import PlainConsole, piped
from fmn.commands.shell import command
from fmn.media import is_url
from fmn.printable import printable

if TYPE_CHECKING:  # torch takes seconds to import: not for --help
    from fmn.retrieval.search import Hit


@command("fmn-search")
@click.argument("query", type=click.Path(path_type=Path))
@click.option("--k", default=10, show_default=True, help="How many items to show.")
@click.option("--run", type=click.Path(path_type=Path), help="Folder of the run.  [default: the newest of runs/]")
@click.option(
    "--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True, help="Cache folder."
)
@click.option(
    "--as",
    "modality",
    type=click.Choice(["auto", "audio", "video"]),
    default="auto",
    show_default=True,
    help="What QUERY is. auto: a clip if it has moving pictures, else a recording.",
)
@click.option(
    "--split",
    type=click.Choice(["all", "train", "val", "test"]),
    default="all",
    show_default=True,
    help="Which items of the cache are searched; test is the pool that fmn-eval ranks.",
)
@click.option("--index-gallery", is_flag=True, help="Let the memory absorb what is searched first, unlabelled.")
@click.option("--device", default="cpu", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(
    query: Path,
    k: int,
    run: Path | None,
    cache: Path,
    modality: str,
    split: str,
    index_gallery: bool,
    device: str,
    as_json: bool,
) -> None:
    """Find the clips that the recording QUERY describes, or the recordings that describe the clip QUERY."""
    with closing(Child(Limits())) as child:
        child.warm(_imported)  # both processes import torch and its kin at once
        from fmn.cache import FeatureCache
        from fmn.extract.query import encode_query
        from fmn.retrieval import load, newest_run
        from fmn.retrieval.search import rank

        run = run or newest_run()
        retriever = load(run)
        features = FeatureCache(cache)
        retriever.check(features)
        encoded = encode_query(query, features, retriever.encoders, modality, device, child)
    hits = rank(retriever, features, encoded.modality, encoded.features, k=k, split=split, index_gallery=index_gallery)
    if as_json:
        facts = {
            "query": str(query),
            "modality": encoded.modality,
            "run": str(run),
            "split": split,
            "index_gallery": index_gallery,
        }
        click.echo(json.dumps({**facts, "hits": [asdict(hit) for hit in hits]}, indent=1))
    else:
        show_hits(query, encoded.modality, hits, [*features.warnings()])


def _imported() -> None:
    import fmn.extract.query  # noqa: F401


def show_hits(query: Path, modality: str, hits: "Sequence[Hit]", warnings: Sequence[str]) -> None:
    """Print the ranked items of a search."""
    # In a pipe or a file every hit is one line: a path that is folded there is no path any more.
    console = PlainConsole(piped())
    found = "clips for the recording" if modality == "audio" else "recordings for the clip"
    table = Table(title=f"{found} {printable(str(query))}", box=box.SIMPLE)
    table.add_column("rank", justify="right")
    table.add_column("S", justify="right")
    table.add_column("label", overflow="fold")
    table.add_column("path", overflow="fold")
    for hit in hits:
        table.add_row(str(hit.rank), f"{hit.score:.4f}", printable(hit.label or "-"), printable(_shown(hit.path)))
    console.print(table)
    for warning in warnings:
        console.print(printable(f"Warning: {warning}"))


def _shown(path: str) -> str:
    return path if is_url(path) or Path(path).exists() else f"{path} (missing)"
