"""The three commands as typed, and search, on real media."""

import csv
import json
import shutil

import numpy as np

from fmn.cache import FeatureCache


def test_extract_fills_the_cache_and_says_what_it_did(line):
    said = line.said["extract"]
    assert "extracted" in said.stdout and "untrained I3D" in said.stderr
    cache = FeatureCache(line.folder / "cache")
    for modality, dim in (("video", 2048), ("audio", 16)):  # a Bi-LSTM of 8 units
        assert cache.features(modality).shape == (12, dim)
        assert set(cache.labels(modality)) == {"circle", "sweep", "pulse"}
        splits = cache.splits(modality)
        assert {split: splits.count(split) for split in set(splits)} == {"train": 9, "test": 3}
    assert any("untrained" in warning for warning in cache.warnings())
    assert (cache.repeated("video") == 4).all()  # 20 frames filled to a window of 24


def test_train_says_where_it_went(line):
    said = line.said["train"].stdout
    assert "runs/001" in said and "9 videos and 9 recordings of 3 categories are remembered" in said
    assert "the best of 6 settings" in said and "of the train split" in said


def test_eval_prints_both_directions_chance_and_the_warning(line):
    said = line.said["eval"].stdout
    for words in ("speech->video", "video->speech", "chance", "ceiling", "mAP", "untrained"):
        assert words in said


def test_eval_prints_the_same_table_again_and_writes_it(line, commands, tmp_path):
    again = commands.run(
        "fmn-eval", "--recall", "1,10,25", "--json", tmp_path / "r.json", "--csv", tmp_path / "r.csv",
        cwd=line.folder, check=0,
    )  # fmt: skip
    assert again.stdout == line.said["eval"].stdout
    report = json.loads((tmp_path / "r.json").read_text())
    with (tmp_path / "r.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert {row["direction"] for row in rows} == set(report["directions"]) == {"speech->video", "video->speech"}


def test_a_second_line_from_the_start_prints_the_same_table(line, commands, begin, tmp_path):
    for name in ("videos", "audio"):
        shutil.copytree(line.folder / name, tmp_path / name)
    begin(tmp_path / "cache", "audio")
    commands.run("fmn-extract", "videos/", "audio/", *commands.frames, "--workers", "0", cwd=tmp_path, check=0)
    commands.run("fmn-train", "cache/", cwd=tmp_path, check=0)
    table = commands.run("fmn-eval", "--recall", "1,10,25", cwd=tmp_path, check=0).stdout
    assert table == line.said["eval"].stdout


def test_where_no_weights_are_given_the_bilstm_is_fitted_here(commands, tmp_path):
    """At full size, in one pass: the tests' other lines have a small one."""
    commands.write_set(tmp_path, clips=2, sounds=4, labels=("circle", "sweep"))
    how = ("--fit-minutes", "0.02", "--workers", "0")
    said = commands.run("fmn-extract", "videos/", "audio/", *commands.frames, *how, cwd=tmp_path, check=0)
    assert "Bi-LSTM" in said.stdout + said.stderr
    cache = FeatureCache(tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob("bilstm-*.safetensors")
    assert cache.encoder("audio").weights["files"] == {"bilstm": file.name}
    assert cache.features("audio").shape == (8, 2048)


def test_search_ranks_as_eval_counts(line, commands):
    """The scores of a file given to search are those of its cached features."""
    from fmn.retrieval import load

    cache, retriever = FeatureCache(line.folder / "cache"), load(line.folder / "runs" / "001")
    scores = retriever.score(cache.features("video"), cache.features("audio"))
    tests = {m: [i for i, s in enumerate(cache.splits(m)) if s == "test"] for m in ("video", "audio")}
    for modality, other in (("audio", "video"), ("video", "audio")):
        for query in tests[modality][::2]:
            found = commands.run(
                "fmn-search", cache.paths(modality)[query], "--split", "test", "--json", cwd=line.folder, check=0
            )
            hits = json.loads(found.stdout)["hits"]
            row = scores[:, query] if modality == "audio" else scores[query]
            ranked = sorted(tests[other], key=lambda at: -row[at])
            assert [hit["id"] for hit in hits] == [cache.ids(other)[at] for at in ranked]
            assert np.allclose([hit["score"] for hit in hits], [row[at] for at in ranked], rtol=1e-4, atol=1e-6)


def test_search_shows_a_table_of_all_items_by_default(line, commands):
    query = next((line.folder / "audio").glob("*/*.wav"))
    said = commands.run("fmn-search", query, "--k", "4", cwd=line.folder, check=0).stdout
    assert "".join(said.split()).count(".mp4") == 4 and "untrained" in said


def test_search_in_a_gallery_that_was_absorbed_first(line, commands):
    from fmn.retrieval import load

    cache, retriever = FeatureCache(line.folder / "cache"), load(line.folder / "runs" / "001")
    scores = retriever.score(cache.features("video"), cache.features("audio"), ("video",))
    query = cache.splits("audio").index("test")
    how = ("--index-gallery", "--json", "--k", "50")
    hits = json.loads(commands.run("fmn-search", cache.paths("audio")[query], *how, cwd=line.folder, check=0).stdout)
    found = {hit["id"]: hit["score"] for hit in hits["hits"]}
    assert np.allclose([found[name] for name in cache.ids("video")], scores[:, query], rtol=1e-4, atol=1e-6)


def test_a_rerun_extracts_nothing_and_a_new_file_alone(line, commands, tmp_path):
    shutil.copytree(line.folder, tmp_path / "set", dirs_exist_ok=True)
    folder = tmp_path / "set"
    # The copied files lie elsewhere now, but ids are relative: nothing is new.
    again = commands.run("fmn-extract", "videos/", "audio/", *commands.frames, "--workers", "0", cwd=folder, check=0)
    assert "video              0" in again.stdout
    before = dict(
        zip(FeatureCache(folder / "cache").ids("video"), FeatureCache(folder / "cache").splits("video"), strict=True)
    )
    commands.write_clip(folder / "videos" / "circle" / "new.mp4", 0, 99)
    commands.run("fmn-extract", "videos/", "audio/", *commands.frames, "--workers", "0", cwd=folder, check=0)
    cache = FeatureCache(folder / "cache")
    after = dict(zip(cache.ids("video"), cache.splits("video"), strict=True))
    assert len(after) == 13 and all(after[item] == split for item, split in before.items())
    table = commands.run("fmn-eval", cwd=folder, check=0)  # the run of before still fits its grown cache
    assert "speech->video" in table.stdout


def test_the_videos_own_tracks_are_the_recordings_where_there_is_no_audio_folder(commands, tmp_path):
    said = commands.run("fmn-extract", tmp_path / "videos", cwd=tmp_path)
    assert said.returncode == 2 and "videos" in said.stderr


def test_inspect_and_verify_find_it_sound(line, commands):
    said = commands.run("fmn-cache", "inspect", cwd=line.folder, check=0).stdout
    assert "i3d" in said and "bilstm" in said
    commands.run("fmn-cache", "verify", cwd=line.folder, check=0)


def test_every_command_has_help_and_a_version(commands, tmp_path):
    for name in ("fmn-extract", "fmn-train", "fmn-eval", "fmn-search", "fmn-cache", "fmn-demo", "fmn-enroll"):
        assert "Usage" in commands.start(name, "--help", cwd=tmp_path, check=0).stdout
        assert "0.1" in commands.run(name, "--version", cwd=tmp_path, check=0).stdout
