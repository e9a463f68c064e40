"""fmn-train: a feature cache in, a fitted retriever out."""

import shlex
from pathlib import Path

import click

from fmn.commands.progress import Bars
from fmn.commands.shell import command
from fmn.errors import InputError


@command("fmn-train")
@click.argument("cache", type=click.Path(path_type=Path), default=Path("cache"))
@click.option("--run", type=click.Path(path_type=Path), help="Folder of the run.  [default: the next runs/NNN]")
@click.option("--epochs", default=500, show_default=True, help="At most so many passes over the train split.")
@click.option("--batch", default=64, show_default=True, help="Matched pairs a step; all pairs of a batch count.")
@click.option("--learning-rate", type=float, help="Learning rate of Adam.  [default: see fmn.train.TrainSettings]")
@click.option("--patience", type=int, help="Epochs without a better validation mAP before it stops; 0 = never.")
@click.option("--capacity", type=int, help="Slots X of each memory bank.")
@click.option("--beta", type=float, help="Exponent of Max in eq. 3: 0 leaves the memory out, -1 is as printed.")
@click.option("--learn-beta", is_flag=True, help="Fit beta too, from the given value.")
@click.option("--as-printed", is_flag=True, help="The paper's letter, eq. 1 to 4; other options are laid over it.")
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
    help="Which others of a batch form the triplets with a matching pair; wants --triplet.",
)
@click.option("--seed", default=0, show_default=True, help="Of initial weights and of the order of pairs.")
@click.option("--video-encoder", help="Which features, where the cache holds several.")
@click.option("--audio-encoder", help="Which features, where the cache holds several.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def main(
    cache: Path,
    run: Path | None,
    epochs: int,
    batch: int,
    seed: int,
    as_printed: bool,
    video_encoder: str | None,
    audio_encoder: str | None,
    device: str,
    quiet: bool,
    **given: str | float | int | bool | None,
) -> None:
    """Fit an FMN on the train split of CACHE (./cache by default).

    A part of the train split is held out to choose the epoch that is kept; the test split is not touched. Naming a
    run that was interrupted, with the same settings, goes on with it.
    """
    import torch

    from fmn.cache import FeatureCache
    from fmn.retrieval.network import FmnConfig
    from fmn.train.run import next_run, train
    from fmn.train.settings import AS_PRINTED, TrainSettings, parted

    chosen = {key: value for key, value in given.items() if value is not None and value is not False}
    shape, schedule = parted({**(AS_PRINTED if as_printed else {}), **chosen})
    if given["negatives"] and not schedule.get("triplet", TrainSettings.triplet):
        raise InputError("--negatives forms triplets, which weigh nothing here. Give --triplet 1 with it.")
    config, settings = FmnConfig(**shape), TrainSettings(epochs=epochs, batch=batch, seed=seed, **schedule)
    torch.set_num_threads(1)  # the steps are small: more threads only wait for one another
    encoders = {"video": video_encoder, "audio": audio_encoder}
    features = FeatureCache(cache)
    folder = run or next_run()
    with Bars(quiet) as bars:
        bars.stage("epochs", epochs)

        def tell(row: dict[str, float], best_epoch: int) -> None:
            bars.note(f"loss {row['loss']:.3f}, validation mAP {100 * row['validation_mAP']:.1f} %, best {best_epoch}")
            bars.step()

        again = shlex.join(["fmn-train", str(cache), "--run", str(folder)])
        bars.say(f"Training {folder}. If it is interrupted, {again} with the same options goes on.")
        trained = train(
            features,
            folder,
            config,
            settings,
            encoders={key: value for key, value in encoders.items() if value},
            device=device,
            progress=tell,
        )
    if quiet:
        return
    fitting, data = trained.fitting, trained.data
    click.echo(
        f"{'Resumed and finished' if trained.resumed else 'Trained'} {trained.path}: {fitting.epoch} epochs on "
        f"{len(data.fit_video.ids)} videos and {len(data.fit_audio.ids)} recordings."
    )
    if data.has_validation:
        click.echo(
            f"Kept epoch {fitting.best_epoch}: validation mAP {100 * fitting.best_map:.1f} % (both directions) on "
            f"{len(data.held_video.ids)} videos and {len(data.held_audio.ids)} recordings of the train split."
        )
    else:
        click.echo("The train split is too small to hold a part of it out: the last epoch was kept, nothing chose it.")
    if trained.slots == 0:
        click.echo(
            "The memory of that epoch is empty: the scores are those of the fusion head alone. A lower --t1 has it "
            "remember sooner."
        )
    for warning in trained.warnings:
        click.echo(f"Warning: {warning}")
    following = shlex.join(["fmn-eval", "--run", str(trained.path), "--cache", str(cache)])
    click.echo(f"Curve: {trained.path / 'curve.png'}. Next: {following}")
