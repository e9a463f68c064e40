"""A 2-D Inception-v1 fitted on single frames of a set's train split, for `fmn-finetune video --from inception:FILE`.

    python bench/inception2d.py digits-data/manifest.csv --out digits-data/inception.safetensors

From scratch a 3-D network learns to see and to follow at once, from windows that cost as much as dozens of frames. Here
it sees first: frames of each clip's last third, moved, turned, sized and coloured at random, small; the items that
`fmn-finetune` of the same seed holds out are left out here too, and the accuracy is theirs. Inflated, the network
answers to a still clip as it answers to the frame.
"""

import time
from pathlib import Path

import click
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from fmn.extract.items.manifest import find_items
from fmn.extract.items.split import assign_splits, held_out
from fmn.extract.media.frames import frames
from fmn.extract.media.sizes import resize_short_side
from fmn.extract.networks.i3d import MIXED, same_padding

SIDE, CROP, KEPT = 54, 48, 6  # pixels, pixels, frames of a clip
NAMES = dict(zip(MIXED, ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"), strict=True))


def padded(x, kernel, stride):
    """SAME, as I3D pads."""
    (top, bottom), (left, right) = (same_padding(size, kernel, stride) for size in x.shape[2:])
    return F.pad(x, (left, right, top, bottom))


class Unit(nn.Module):
    """Convolution, batch norm, ReLU, in torchvision's names."""

    def __init__(self, inputs, outputs, kernel=1, stride=1):
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv(padded(x, self.kernel, self.stride))))


class Pool(nn.Module):
    """SAME max-pool of ReLU outputs."""

    def __init__(self, kernel, stride):
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x):
        return F.max_pool2d(padded(x, self.kernel, self.stride), self.kernel, self.stride)


class Block(nn.Module):
    """Four branches, concatenated."""

    def __init__(self, inputs, channels):
        super().__init__()
        c0, c1a, c1b, c2a, c2b, c3b = channels
        self.branch1 = Unit(inputs, c0)
        self.branch2 = nn.Sequential(Unit(inputs, c1a), Unit(c1a, c1b, 3))
        self.branch3 = nn.Sequential(Unit(inputs, c2a), Unit(c2a, c2b, 3))
        self.branch4 = nn.Sequential(Pool(3, 1), Unit(inputs, c3b))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Inception(nn.Module):
    """[B, 3, H, W] in [-1, 1] -> [B, classes]."""

    def __init__(self, classes):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = Unit(3, 64, 7, 2), Unit(64, 64), Unit(64, 192, 3)
        inputs = 192
        for stage, channels in MIXED.items():
            setattr(self, f"inception{NAMES[stage]}", Block(inputs, channels))
            inputs = channels[0] + channels[2] + channels[4] + channels[5]
        self.pool, self.halve = Pool(3, 2), Pool(2, 2)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.pool(self.conv3(self.conv2(self.pool(self.conv1(x)))))
        for stage, name in NAMES.items():
            x = self.pool(x) if stage == "Mixed_4b" else self.halve(x) if stage == "Mixed_5b" else x
            x = getattr(self, f"inception{name}")(x)
        return self.fc(F.dropout(x.mean(dim=(2, 3)), 0.5, self.training))


def late_frames(item, fps):
    """[KEPT, H, W, 3] uint8 of the last third."""
    every = [resize_short_side(image, SIDE) for image in frames(item.path, item.start, item.end, fps)]
    return np.stack([every[int(at)] for at in np.linspace(len(every) * 2 / 3, len(every) - 1, KEPT)])


def drawn(images, random):
    """float32 [B, 3, CROP, CROP]: turned by 12 degrees, sized by a fifth, moved by a tenth, coloured anew."""
    count = len(images)
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    angle, scale = random.uniform(-0.2, 0.2, count), random.uniform(0.8, 1.2, count)
    move = random.uniform(-0.2, 0.2, (count, 2))
    share = CROP / np.array([x.shape[3], x.shape[2]])
    matrix = np.zeros((count, 2, 3), np.float32)
    matrix[:, 0, 0], matrix[:, 0, 1] = scale * share[0] * np.cos(angle), -scale * share[1] * np.sin(angle)
    matrix[:, 1, 0], matrix[:, 1, 1] = scale * share[0] * np.sin(angle), scale * share[1] * np.cos(angle)
    matrix[:, :, 2] = move
    grid = F.affine_grid(torch.from_numpy(matrix), [count, 3, CROP, CROP], align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    gain = torch.from_numpy(random.uniform(-1.2, 1.2, (count, 3, 1, 1)).astype(np.float32))
    mean = x.mean(dim=(2, 3), keepdim=True)
    return ((x - mean) * (gain + gain.sign() * 0.2) + mean).clamp(-1, 1)


def centre(images):
    """float32 [B, 3, CROP, CROP], the middle."""
    top, left = (images.shape[1] - CROP) // 2, (images.shape[2] - CROP) // 2
    x = torch.from_numpy(images[:, top : top + CROP, left : left + CROP])
    return x.permute(0, 3, 1, 2).float() / 127.5 - 1


@click.command()
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.option("--passes", default=40, show_default=True, help="Over the clips, a frame of each.")
@click.option("--batch", default=32, show_default=True)
@click.option("--learning-rate", default=1e-3, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--fps", default=6.25, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(manifest, passes, batch, learning_rate, seed, fps, out):
    """Fit it."""
    began = time.monotonic()
    items = list(assign_splits(find_items(None, None, manifest).items, 0.7, seed))
    items = [item for item in items if item.modality == "video" and item.split in ("train", "val")]
    held = held_out(items, seed)
    names = sorted({item.label for item in items})
    images = np.stack([late_frames(item, fps) for item in items])
    classes = torch.tensor([names.index(item.label) for item in items])
    out_part = np.array([item.id in held for item in items])
    inside = np.flatnonzero(~out_part)
    click.echo(
        f"{len(inside)} clips to fit on, {out_part.sum()} held out, frames after {time.monotonic() - began:.0f} s"
    )
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = Inception(len(names))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    optimiser = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=0.01)
    steps = passes * -(-len(inside) // batch)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, steps, pct_start=0.15)
    for number in range(1, passes + 1):
        network.train()
        total, order = 0.0, random.permutation(inside)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            x = drawn(images[chosen, random.integers(KEPT, size=len(chosen))], random)
            loss = F.cross_entropy(network(x), classes[chosen], label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            plan.step()
            total += float(loss.detach()) * len(chosen)
        network.eval()
        with torch.no_grad():
            found = torch.cat([network(centre(images[[at], -1])) for at in np.flatnonzero(out_part)]).argmax(1)
        right = float((found == classes[out_part]).float().mean())
        click.echo(
            f"pass {number}: loss {total / len(inside):.3f}, held out {right:.3f}, {time.monotonic() - began:.0f} s"
        )
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, out)


if __name__ == "__main__":
    main()
