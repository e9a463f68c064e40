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
@click.option("--index-gallery", is_flag=True, help="Also rank a gallery that the memory has absorbed, unlabelled.")
@click.option("--update-memory", is_flag=True, help="Also rank while the memory is updated from the queries.")
@click.option("--shuffles", type=click.IntRange(1, MOST), help="Orders of the queries for it.  [default: 20]")
@click.option(
    "--held-out-classes",
    type=click.IntRange(1, MOST),
    metavar="K",
    help="In place of the table: leave K categories out of a fitting of the run's settings, enrol them, and compare.",
)
@click.option("--seeds", type=click.IntRange(1, MOST), help="Choices of categories and pairs for it.  [default: 3]")
@click.option("--work", type=click.Path(path_type=Path), help="Keep its fitted runs here, for a rerun.")
@click.option("--plot", type=click.Path(path_type=Path), help="Also draw its curve as PNG.")
def main(
    recall: str,
    run: Path | None,
    cache: Path,
    split: str,
    json_file: Path | None,
    csv_file: Path | None,
    index_gallery: bool,
    update_memory: bool,
    shuffles: int | None,
    held_out_classes: int | None,
    seeds: int | None,
    work: Path | None,
    plot: Path | None,
) -> None:
    """Rank the test split both ways and print hit rate and recall at k, MedR, mAP, ceiling, chance and intervals.

    Without arguments it takes ./cache and the newest run under ./runs. With --update-memory a result depends on the
    order of the queries, so it is given as mean and spread over several orders, beside the table without updating.
    """
    from dataclasses import replace

    from fmn.cache import FeatureCache
    from fmn.commands.console import PlainConsole
    from fmn.commands.new_categories import show_new_categories
    from fmn.commands.progress import Bars
    from fmn.retrieval import load, newest_run
    from fmn.retrieval.indexing import evaluate_indexed
    from fmn.retrieval.protocol import evaluate_cache
    from fmn.retrieval.report import check_target, write_csv, write_json
    from fmn.retrieval.terminal import render
    from fmn.retrieval.updating import evaluate_updating

    ks = parse_ks(recall)
    for target in (json_file, csv_file, plot):
        if target:
            check_target(target)
    if plot and plot.exists() and not plot.is_file():  # it would be replaced by the picture
        raise InputError(f"A picture is drawn into a file, but {plot} is none. Name another --plot.")
    if shuffles and not update_memory:
        raise InputError("--shuffles goes with --update-memory, which is not given.")
    if held_out_classes is None and (seeds or work or plot):
        raise InputError("--seeds, --work and --plot go with --held-out-classes, which is not given.")
    run = run or newest_run()
    if held_out_classes is not None:
        if index_gallery or update_memory or json_file or split != "test":
            raise InputError("--held-out-classes goes without --index-gallery, --update-memory, --json and --split.")
        show_new_categories(run, cache, held_out_classes, seeds or 3, ks, work, csv_file, plot)
        return
    retriever = load(run)
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
    if known := retriever.known_in(features, split):
        seen = "were fitted on, or chose settings or the epoch that is kept: too good to report."
        said = f"{known} items of the {split} split {seen}"
        report = replace(report, warnings=[*report.warnings, said])
    if index_gallery:
        report = evaluate_indexed(features, retriever, report)
    if update_memory:
        orders = shuffles or 20
        with Bars() as bars:
            bars.stage("orders of the queries", 2 * orders)
            report = evaluate_updating(features, retriever, report, orders=orders, step=bars.step)
    PlainConsole().print(render(report))
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
