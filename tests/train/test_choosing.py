"""On which parts settings are chosen: one that the encoders have not seen, or several where they have seen none."""

import numpy as np
import pytest
import torch

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.item import Item
from fmn.train.choosing import PARTS, choosing_sets
from fmn.train.data import load_training_set
from fmn.train.memory_run import remember_cache

NAMES = {"video": "v", "audio": "a"}
CPU = torch.device("cpu")


def made(path, notes=None, val=False, people=5):
    """Ten items a category and modality, of `people` groups."""
    random = np.random.default_rng(0)
    with CacheWriter(path) as writer:
        for modality, encoder in NAMES.items():
            known = notes or {} if modality == "audio" else {}
            writer.declare(EncoderRecord(modality, encoder, 6, {}, {"source": "drawn", "sha256": {}}, notes=known))
            rows = []
            for category in range(3):
                for index in range(10):
                    split = "val" if val and index < 2 else "train"
                    name, group = f"{category}/{index}", f"{modality} {index % people}"
                    item = Item(name, modality, name, label=f"label {category}", split=split, group=group)
                    rows.append(Row(item, random.normal(category, 1, 6).astype(np.float32), 1.0, 1, 0))
            writer.add(encoder, rows)
    return FeatureCache(path)


def test_what_no_encoder_has_seen_is_parted_several_times_by_whole_groups(tmp_path):
    cache = made(tmp_path / "c")
    found = choosing_sets(cache, NAMES, 0.2, CPU)
    assert len(found) == PARTS
    groups = dict(zip(cache.ids("audio"), cache.groups("audio"), strict=True))
    for data in found:
        held, fitted = ({groups[item] for item in side.ids} for side in (data.held_audio, data.fit_audio))
        assert held and not held & fitted
    assert len({frozenset(data.held_audio.ids) for data in found}) > 1
    assert found[0].held_audio.ids == load_training_set(cache, NAMES, 0.2, CPU).held_audio.ids


@pytest.mark.parametrize("how", [{"notes": {"fitted_on": {"items": 3}}}, {"notes": {"fitted": "told"}}, {"val": True}])
def test_an_encoder_that_saw_the_rest_or_a_marked_part_leaves_one(tmp_path, how):
    assert len(choosing_sets(made(tmp_path / "c", **how), NAMES, 0.2, CPU)) == 1


def test_without_a_validation_part_there_is_one_and_nothing_held_out(tmp_path):
    (data,) = choosing_sets(made(tmp_path / "c"), NAMES, 0.0, CPU)
    assert not data.has_validation


def test_a_run_says_on_how_many_parts_was_chosen(tmp_path):
    made_of = remember_cache(made(tmp_path / "c"), tmp_path / "run", device="cpu")
    assert made_of.parts == PARTS and f'"parts": {PARTS}' in (tmp_path / "run" / "run.json").read_text()
