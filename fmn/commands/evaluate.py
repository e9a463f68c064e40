"""fmn-eval: how well a run finds the test split, both ways."""

from pathlib import Path

import click

from fmn.commands.shell import command
from fmn.errors import InputError

MOST = 1_000_000


@command("fmn-eval")
@click.option("--recall", default="1,10,25", show_default=True, help="The k of hit rate and recall, with commas.")
@click.option("--run", type=click.Path(path_type=Path), help="Folder of the run.  [default: the newest of runs/]")
@click.option(
    "--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True, help="Cache folder."
)
@click.option(
    "--split",
    type=click.Choice(["test", "val"]),
    default="test",
    show_default=True,
    help="Which split is ranked (val: only where the manifest has one).",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write everything as JSON.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Also write the table as CSV.")
def main(
    recall: str,
    run: Path | None,
    cache: Path,
    split: str,
    json_file: Path | None,
    csv_file: Path | None,
) -> None:
    """Rank the test split both ways and print hit rate and recall at k, MedR, mAP, ceiling, chance and intervals.

    Without arguments it takes ./cache and the newest run under ./runs.
    """
    from rich.console import Console

    from fmn.cache import FeatureCache
    from fmn.retrieval import load, newest_run
    from fmn.retrieval.protocol import evaluate_cache
    from fmn.retrieval.report import check_target, render, write_csv, write_json

    ks = parse_ks(recall)
    for target in (json_file, csv_file):
        if target:
            check_target(target)
    retriever = load(run or newest_run())
    features = FeatureCache(cache)
    retriever.check(features)
    report = evaluate_cache(
        features,
        retriever,
        ks,
        split,
        video_encoder=retriever.encoder("video"),
        audio_encoder=retriever.encoder("audio"),
        facts=retriever.facts,
    )
    Console(emoji=False).print(render(report))
    if json_file:
        write_json(report, json_file)
    if csv_file:
        write_csv(report, csv_file)


def parse_ks(text: str) -> list[int]:
    """ "1,10,25" -> [1, 10, 25]; InputError unless they are whole numbers from 1 to 1,000,000."""
    try:
        ks = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--recall takes whole numbers with commas, such as 1,10,25; got {text!r}.") from None
    if any(not 1 <= k <= MOST for k in ks):
        raise InputError(f"--recall takes whole numbers from 1 to {MOST:,}; got {text!r}.")
    return sorted(set(ks))
