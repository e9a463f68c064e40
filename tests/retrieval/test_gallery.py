"""A gallery in the memory: against a plain loop over its items, whatever their order."""

import hashlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.retrieval import readout
from fmn.retrieval.gallery import fold_of, read_gallery
from fmn.retrieval.moments import moments

HOW = {"weight": 0.3, "temperature": 0.12, "shrinkage": 0.05}


def write(vectors, shares, shrinkage):
    return readout.write(moments(vectors, shares), shrinkage)


def made(n, g, categories, seed):
    random = torch.Generator().manual_seed(seed)
    remembered = torch.randn(n, 4, generator=random, dtype=torch.float64)
    gallery = torch.randn(g, 4, generator=random, dtype=torch.float64)
    shares = torch.nn.functional.one_hot(torch.arange(n) % categories, categories).double()
    return remembered, shares, gallery


@settings(max_examples=40, deadline=None)
@given(st.integers(6, 12), st.integers(1, 9), st.integers(2, 3), st.integers(0, 999))
def test_an_item_is_read_by_a_memory_of_the_other_folds(n, g, categories, seed):
    remembered, shares, gallery = made(n, g, categories, seed)
    plain, folds = write(remembered, shares, 0.05), fold_of(gallery, 3)
    found = read_gallery(moments(remembered, shares), plain, gallery, folds, **HOW)
    for item in range(g):
        others, counts = [*remembered], [*shares]
        for other in range(g):
            if folds[other] != folds[item]:
                met = plain.similarities(gallery[other : other + 1])[0]
                heat = [torch.exp(value / 0.12) for value in met]
                others.append(gallery[other])
                counts.append(torch.stack([0.3 * value / sum(heat) for value in heat]))
        wanted = write(torch.stack(others), torch.stack(counts), 0.05).similarities(gallery[item : item + 1])[0]
        assert torch.allclose(found[item], wanted, rtol=0, atol=1e-9)


def test_the_order_of_the_gallery_changes_nothing():
    remembered, shares, gallery = made(30, 17, 3, 0)
    plain = write(remembered, shares, 0.05)
    found = read_gallery(moments(remembered, shares), plain, gallery, fold_of(gallery, 4), **HOW)
    order = torch.randperm(17, generator=torch.Generator().manual_seed(1))
    other = read_gallery(moments(remembered, shares), plain, gallery[order], fold_of(gallery[order], 4), **HOW)
    assert torch.allclose(other, found[order], rtol=0, atol=1e-12)


def test_a_fold_is_the_contents():
    features = torch.arange(12, dtype=torch.float32).reshape(4, 3)
    wanted = [int(hashlib.sha256(row.numpy().tobytes()).hexdigest()[:16], 16) % 5 for row in features]
    assert fold_of(features, 5).tolist() == wanted
    assert fold_of(torch.cat([features, features]), 5).tolist() == wanted * 2


def test_a_gallery_of_one_item_is_read_by_what_was_known():
    remembered, shares, gallery = made(9, 1, 3, 4)
    plain = write(remembered, shares, 0.05)
    found = read_gallery(moments(remembered, shares), plain, gallery, fold_of(gallery, 4), **HOW)
    assert found == pytest.approx(plain.similarities(gallery), abs=1e-12)


def test_a_gallery_fills_no_slot_that_was_empty():
    remembered, shares, gallery = made(9, 12, 3, 4)
    shares = torch.cat([shares, torch.zeros(9, 1, dtype=torch.float64)], dim=1)
    plain = write(remembered, shares, 0.05)
    found = read_gallery(
        moments(remembered, shares), plain, gallery, fold_of(gallery, 4), **{**HOW, "temperature": 1.0}
    )
    assert (found[:, 3] == -1).all() and (found[:, :3] > -1).any()


def test_what_is_remembered_already_is_read_and_not_absorbed_again():
    remembered, shares, gallery = made(9, 12, 3, 4)
    plain, known, folds = write(remembered, shares, 0.05), moments(remembered, shares), fold_of(gallery, 3)
    folds[:2] = -1
    found = read_gallery(known, plain, gallery, folds, **HOW)
    without = read_gallery(known, plain, gallery[2:], folds[2:], **HOW)
    assert torch.equal(found[2:], without)
    posterior = 0.3 * torch.softmax(plain.similarities(gallery[2:]) / 0.12, dim=1)
    every = write(torch.cat([remembered, gallery[2:]]), torch.cat([shares, posterior]), 0.05)
    assert torch.allclose(found[:2], every.similarities(gallery[:2]), rtol=0, atol=1e-9)
