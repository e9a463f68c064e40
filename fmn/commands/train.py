"""fmn-train: a feature cache in, a fitted retriever out."""

import math
import shlex
from pathlib import Path
from typing import Any

import click

from fmn.commands.log import counted, log_option
from fmn.commands.progress import Bars
from fmn.commands.shell import command, echo
from fmn.errors import InputError


@command("fmn-train")
@click.argument("cache", type=click.Path(path_type=Path), default=Path("cache"))
@click.option("--run", type=click.Path(path_type=Path), help="Folder of the run.  [default: the next runs/NNN]")
@click.option("--kernel", type=click.Choice(["linear", "rbf", "arc-cosine"]), help="Of the memory vector.")
@click.option("--width", type=float, help="Of the rbf kernel, exp(-width d^2 / 2D).")
@click.option("--shrinkage", type=float, help="Of the scatter within categories, 0 to 1; 1 is the plain cosine.")
@click.option("--temperature", type=float, help="Of the softmax over slots.")
@click.option("--gallery-weight", type=float, help="Of an item of an indexed gallery beside a remembered one.")
@click.option("--folds", type=int, help="In which an indexed gallery is absorbed.")
@click.option("--validation", type=float, help="Share of the train split that is held out to choose on.")
@click.option("--only-fit", is_flag=True, help="Do not remember what was held out, after the choice.")
@click.option("--as-printed", is_flag=True, help="The paper's letter, eq. 1 to 4, by descent; it takes what follows.")
@click.option("--epochs", type=int, help="At most so many passes over the train split.  [default: 500]")
@click.option("--batch", type=int, help="Matched pairs a step; all pairs of a batch count.  [default: 64]")
@click.option("--learning-rate", type=float, help="Learning rate of Adam.  [default: see fmn.train.TrainSettings]")
@click.option("--patience", type=int, help="Epochs without a better validation mAP before it stops; 0 = never.")
@click.option("--capacity", type=int, help="Slots X of each memory bank.")
@click.option("--beta", type=float, help="Exponent of Max in eq. 3: 0 leaves the memory out, -1 is as printed.")
@click.option("--learn-beta", is_flag=True, help="Fit beta too, from the given value.")
@click.option("--keys", type=click.Choice(["common", "raw"]), help="Where slots are compared: common space or raw.")
@click.option("--maximum", type=click.Choice(["soft", "hard"]), help="Max over slots: soft, or hard as in eq. 3.")
@click.option(
    "--slots",
    type=click.Choice(["categories", "paired", "independent"]),
    help="One averaged slot a category; or written pair by pair, both banks together (the paper) or each alone.",
)
@click.option("--fusion", type=click.Choice(["cosine", "both", "head"]), help="What S1 sees; head is the paper's.")
@click.option("--t1", type=float, help="A pair is remembered when its S1 is above this.")
@click.option(
    "--t2",
    type=float,
    help="A pair that resembles no slot so much gets a slot of its own; not with one slot a category.",
)
@click.option(
    "--weight", type=float, help="Share of the new pair when a slot is averaged; not with one slot a category."
)
@click.option("--writes", type=click.Choice(["label", "score"]), help="Remember matching pairs, or go by S1 alone.")
@click.option("--common", type=int, help="Columns of the common space.")
@click.option("--dropout", type=float, help="Of the standardised features.")
@click.option("--ranking", type=float, help="Weight of the softmax ranking of a batch.")
@click.option("--triplet", type=float, help="Weight of the triplets, lambda of eq. 4.")
@click.option(
    "--negatives",
    type=click.Choice(["all", "random", "semi-hard", "hardest"]),
    help="Which others of a batch form the triplets with a matching pair.",
)
@click.option("--seed", type=int, help="Of a descent: initial weights and the order of pairs.  [default: 0]")
@click.option("--video-encoder", help="Which features, where the cache holds several.")
@click.option("--audio-encoder", help="Which features, where the cache holds several.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@log_option
def main(
    cache: Path,
    run: Path | None,
    as_printed: bool,
    only_fit: bool,
    validation: float | None,
    video_encoder: str | None,
    audio_encoder: str | None,
    device: str,
    quiet: bool,
    **given: str | float | int | bool | None,
) -> None:
    """Fit an FMN on the train split of CACHE (./cache by default).

    Its memory is made of the items of the train split, in seconds. A part of them is held out to choose how the memory
    is read, and is remembered too in the end; the test split is not touched. With --as-printed the paper's own network
    is fitted by descent; naming a run of it that was interrupted, with the same settings, goes on with it.
    """
    import torch

    from fmn.train.settings import READING

    chosen = {key: value for key, value in given.items() if value is not None and value is not False}
    reading = {key: value for key, value in chosen.items() if key in READING}
    descent = {key: value for key, value in chosen.items() if key not in READING}
    if as_printed and (wrong := [*(reading.keys() - {"temperature"}), *(["only_fit"] if only_fit else [])]):
        raise InputError(f"{_options(wrong)} is of a memory of items: leave it out, or --as-printed.")
    if descent and not as_printed:
        raise InputError(f"{_options(descent)} is of the paper's own network: give --as-printed with it.")
    torch.set_num_threads(1)  # the steps are small: more threads only wait for one another
    share = {} if validation is None else {"validation": validation}
    encoders = {key: value for key, value in (("video", video_encoder), ("audio", audio_encoder)) if value}
    if as_printed:
        _descend(cache, run, descent | reading | share, encoders, device, quiet)
    else:
        _remember(cache, run, reading, {**share, "everything": not only_fit}, encoders, device, quiet)


def _options(names: Any) -> str:
    return ", ".join(sorted(f"--{name.replace('_', '-')}" for name in names))


def _remember(
    cache: Path,
    run: Path | None,
    reading: dict[str, Any],
    settings: dict[str, Any],
    encoders: dict[str, str],
    device: str,
    quiet: bool,
) -> None:
    from fmn.cache import FeatureCache
    from fmn.train.memory_run import remember_cache
    from fmn.train.run import next_run
    from fmn.train.settings import MemorySettings

    how, features = MemorySettings(**settings), FeatureCache(cache)
    with Bars(quiet) as bars:
        made = remember_cache(
            features, run or next_run(), how, given=reading, encoders=encoders, device=device, watcher=bars
        )
    setting, value = made.candidates[made.chosen]
    items = {"run": str(made.path), "videos": made.items["video"], "recordings": made.items["audio"]}
    counted(
        **items,
        categories=made.slots,
        setting=setting,
        validation_mAP=None if math.isnan(value) else value,
        seconds=round(made.seconds, 3),
        warnings=made.warnings,
    )
    if quiet:
        return
    told = ", ".join(f"{key} {each}" for key, each in setting.items()) or "the defaults"
    echo(
        f"Trained {made.path} in {made.seconds:.1f} s: {made.items['video']} videos and {made.items['audio']} "
        f"recordings of {made.slots} categories are remembered."
    )
    held = made.data.held_video.ids, made.data.held_audio.ids
    if math.isnan(value):
        why = "The train split is too small to hold a part of it out" if how.validation else "Nothing was held out"
        echo(f"{why}: it is read with {told}, nothing chose.")
    else:
        again = f" and on {made.parts - 1} other such parts" if made.parts > 1 else ""
        after = ", which are remembered too by now" if how.everything else ""
        echo(
            f"Read with {told}: the best of {len(made.candidates)} settings, validation mAP {100 * value:.1f} % (both "
            f"directions) on {len(held[0])} videos and {len(held[1])} recordings of the {made.held_from}{again}{after}."
        )
    _end(made.warnings, made.path, cache)


def _descend(
    cache: Path,
    run: Path | None,
    given: dict[str, Any],
    encoders: dict[str, str],
    device: str,
    quiet: bool,
) -> None:
    from fmn.cache import FeatureCache
    from fmn.retrieval.network import FmnConfig
    from fmn.train.run import next_run, train
    from fmn.train.settings import AS_PRINTED, TrainSettings, parted

    shape, schedule = parted({**AS_PRINTED, **given})
    config, settings = FmnConfig(**shape), TrainSettings(**schedule)
    if given.get("negatives") and not settings.triplet:
        raise InputError("--negatives forms triplets, which weigh nothing here. Give --triplet 1 with it.")
    features = FeatureCache(cache)
    folder = run or next_run()
    with Bars(quiet) as bars:
        bars.stage("epochs", settings.epochs)

        def tell(row: dict[str, float], best_epoch: int) -> None:
            bars.note(f"loss {row['loss']:.3f}, validation mAP {100 * row['validation_mAP']:.1f} %, best {best_epoch}")
            bars.step()

        again = shlex.join(["fmn-train", str(cache), "--as-printed", "--run", str(folder)])
        bars.say(f"Training {folder}. If it is interrupted, {again} with the same options goes on.")
        trained = train(
            features, folder, config, settings, encoders=encoders, device=device, progress=tell, say=bars.say
        )
    fitting, data = trained.fitting, trained.data
    items = {"run": str(trained.path), "videos": len(data.fit_video.ids), "recordings": len(data.fit_audio.ids)}
    counted(
        **items,
        epochs=fitting.epoch,
        kept_epoch=fitting.best_epoch,
        validation_mAP=fitting.best_map if data.has_validation else None,
        resumed=trained.resumed,
        warnings=trained.warnings,
    )
    if quiet:
        return
    echo(
        f"{'Resumed and finished' if trained.resumed else 'Trained'} {trained.path}: {fitting.epoch} epochs on "
        f"{len(data.fit_video.ids)} videos and {len(data.fit_audio.ids)} recordings."
    )
    if data.has_validation:
        echo(
            f"Kept epoch {fitting.best_epoch}: validation mAP {100 * fitting.best_map:.1f} % (both directions) on "
            f"{len(data.held_video.ids)} videos and {len(data.held_audio.ids)} recordings of the train split."
        )
    else:
        echo("The train split is too small to hold a part of it out: the last epoch was kept, nothing chose it.")
    if trained.slots == 0:
        echo(
            "The memory of that epoch is empty: the scores are those of the fusion head alone. A lower --t1 has it "
            "remember sooner."
        )
    _end(trained.warnings, trained.path, cache, f"Curve: {trained.path / 'curve.png'}. ")


def _end(warnings: list[str], run: Path, cache: Path, first: str = "") -> None:
    for warning in warnings:
        echo(f"Warning: {warning}")
    echo(f"{first}Next: {shlex.join(['fmn-eval', '--run', str(run), '--cache', str(cache)])}")
