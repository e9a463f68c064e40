"""fmn-cache: look into a feature cache, check it, repair it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
from rich import box
from rich.table import Table
from rich.text import Text

from fmn.cache.check import Problem, Summary, inspect, unchecked_files, verify
from fmn.cache.index import load_index
from fmn.cache.layout import INDEX
from fmn.cache.repair import Repair, repair
from fmn.cache.shard import remedy
from fmn.commands.console import PlainConsole
from fmn.commands.shell import echo, group
from fmn.extract.failures import AGAIN, COLUMNS, as_rows, kind_of, troubles
from fmn.item import SPLITS
from fmn.printable import printable

SHOWN = 10
RUN, COMPARISON = "run.json", "compare.json"  # what tells a run and a comparison; their rooms are slow to import

cache_folder = click.argument("path", type=click.Path(path_type=Path), default="cache")


@group("fmn-cache")
def main() -> None:
    """Look into the feature cache that fmn-extract wrote, check it, repair it.

    PATH is its folder, ./cache by default.
    """


@main.command("inspect")
@cache_folder
def inspect_command(path: Path) -> None:
    """Show what it holds."""
    _show(PlainConsole(), inspect(path))


@main.command("verify")
@cache_folder
@click.pass_context
def verify_command(context: click.Context, path: Path) -> None:
    """Check every file; exit 1 if something is wrong.

    PATH may also be a run (of fmn-train or fmn-enroll), or the folder of a comparison or study.
    """
    problems, unchecked, what = check(path)
    for name in unchecked[:SHOWN]:
        echo(f"{name} was written before files had checksums: only its form was looked at.")
    if len(unchecked) > SHOWN:
        echo(f"... and {len(unchecked) - SHOWN} more.")
    if not problems:
        echo(f"The {what} {path} is sound.")
        return
    table = Table("file", "what is wrong", title=f"Problems in {printable(str(path))}", box=box.SIMPLE)
    for problem in problems:
        table.add_row(printable(problem.file), printable(problem.what))
    PlainConsole().print(table)
    if what == "cache" and any(problem.file.endswith(".h5") for problem in problems):
        echo(remedy(path))
    else:
        echo(f"Run `fmn-cache repair {path}`, and then the command again that wrote it.")
    context.exit(1)


@main.command("repair")
@cache_folder
def repair_command(path: Path) -> None:
    """Heal damaged files, and take out what cannot be healed.

    A file that is damaged in one place is made whole without any loss. What cannot be healed is taken out, so that
    fmn-extract makes it again. PATH may also be a run, or the folder of a comparison or study: the command that wrote
    it then makes again what is gone.
    """
    done, what = mend(path)
    for file in done.mended:
        echo(f"Mended {file}: nothing of it is lost.")
    for problem in done.removed:
        echo(f"Removed {problem.file}: {problem.what}")
    for name in done.swept:
        echo(f"Swept {name}, which a killed writer left.")
    again = f" {done.items} items are gone: run fmn-extract again." if done.items else ""
    if done.removed and not done.items:
        again = " Run the command that wrote it again: it makes what is missing."
    if not path.exists():
        echo(again.strip())  # it was set aside as a whole
    else:
        echo(f"What is left of the {what} {path} is sound.{again}" if again else f"The {what} {path} is sound.")


def check(path: Path) -> tuple[list[Problem], list[str], str]:
    """The problems of a cache, run or comparison, its files without checksums, and what it is."""
    if (path / COMPARISON).exists():
        from fmn.train.experiments.check import verify_experiment

        found = verify_experiment(path)
        return found.problems, found.unchecked, "comparison"
    if (path / RUN).exists() and not (path / INDEX).exists():
        from fmn.train.check import verify_run

        found = verify_run(path)
        return found.problems, found.unchecked, "run"
    return verify(path), unchecked_files(path), "cache"


def mend(path: Path) -> tuple[Repair, str]:
    """Repair a cache, run or comparison, and say what it is."""
    if (path / COMPARISON).exists():
        from fmn.train.experiments.check import repair_experiment

        return repair_experiment(path), "comparison"
    if (path / RUN).exists() and not (path / INDEX).exists():
        from fmn.train.check import repair_run

        return repair_run(path), "run"
    return repair(path), "cache"


@main.command("failures")
@cache_folder
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Also write them as CSV, a line an item.")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Also write them as a page.")
def failures_command(path: Path, csv_file: Path | None, html_file: Path | None) -> None:
    """Say which items failed, by reason, and what to do about it."""
    from fmn.extract.failures_page import failures_page
    from fmn.retrieval.report import check_target, write_text
    from fmn.tables import as_csv

    for target in (csv_file, html_file):
        if target:
            check_target(target)
    found = troubles(load_index(path).failures)
    for kind, several in found.items():
        echo(f"{kind.name}: {len(several)}. {kind.advice}")
        for each in several[:SHOWN]:
            echo(f"  {each.failure.modality} {each.failure.id}: {each.reason}")
        if len(several) > SHOWN:
            echo(f"  ... and {len(several) - SHOWN} more")
    echo(AGAIN if found else f"No item of the cache {path} failed.")
    if csv_file:
        write_text(csv_file, as_csv(COLUMNS, as_rows(found), newline="\n"))
    if html_file:
        write_text(html_file, failures_page(path, found))


def _show(console: PlainConsole, summary: Summary) -> None:
    about = f": {summary.bytes / 1e6:.1f} MB, written by {summary.tool}, begun {summary.created}"
    console.print(Text.assemble((printable(str(summary.path)), "bold"), printable(about)))
    table = Table("features", title="Items", box=box.SIMPLE, padding=(0, 1, 0, 0))
    shown = [split for split in (*SPLITS, "") if split or any(each.splits.get("") for each in summary.encoders)]
    for name in ("dim", "items", *(split or "unsplit" for split in shown), "labels", "minutes", "padded"):
        table.add_column(name, justify="right")
    for each in summary.encoders:
        splits = [each.splits.get(split, 0) for split in shown]
        labels = len(set(each.labels) - {""})
        counts = [each.record.dim, each.items, *splits, labels, f"{each.seconds / 60:.1f}", each.padded]
        table.add_row(printable(f"{each.record.modality} {each.record.name}"), *map(str, counts))
    console.print(table)
    for record in (each.record for each in summary.encoders):
        source = record.weights.get("source", "unknown")
        made = {"weights": source, **record.preprocessing, "fingerprint": record.fingerprint[:12]}
        facts = ", ".join(f"{key} {value}" for key, value in made.items())
        console.print(printable(f"  {record.modality} {record.name}: {facts}"), soft_wrap=True)
    if any(set(each.labels) - {""} for each in summary.encoders):
        _show_labels(console, summary)
    for each in summary.encoders:
        if each.notes:
            name = f"{each.record.modality} {each.record.name}"
            _show_pairs(console, "Notes", (f"{name}: what was done before", "items"), each.notes)
    if summary.protocol:
        _show_pairs(console, "Protocol", ("fact", "value"), summary.protocol)
    if summary.failures:
        kinds = Counter(kind_of(failure.reason).name for failure in summary.failures)
        _show_pairs(console, f"Failed items: {len(summary.failures)}", ("reason", "items"), dict(kinds.most_common()))
        for failure in summary.failures[:SHOWN]:
            console.print(printable(f"  {failure.modality} {failure.id}: {failure.reason}"))
        if len(summary.failures) > SHOWN:
            console.print(f"  ... and {len(summary.failures) - SHOWN} more; `fmn-cache failures` names them all")
    for warning in summary.warnings:
        console.print(Text.assemble(("Warning:", "yellow"), f" {printable(warning)}"))


def _show_labels(console: PlainConsole, summary: Summary) -> None:
    table = Table("label", title="Items of each label", box=box.SIMPLE)
    for each in summary.encoders:
        table.add_column(printable(f"{each.record.modality} {each.record.name}"), justify="right")
    for label in sorted({label for each in summary.encoders for label in each.labels}):
        counts = [str(each.labels.get(label, 0)) for each in summary.encoders]
        table.add_row(printable(label) if label else "(none)", *counts)
    console.print(table)


def _show_pairs(console: PlainConsole, title: str, head: tuple[str, str], rows: Mapping[str, object]) -> None:
    table = Table(*head, title=title, box=box.SIMPLE)
    for key, value in rows.items():
        table.add_row(printable(key), printable(str(value)))
    console.print(table)
