"""fmn-doctor on this machine, on a sound cache and on a damaged one."""

import json
import shutil

from fmn.extract import doctor


def asked(commands, cwd, *arguments, check):
    said = commands.run("fmn-doctor", "--json", *arguments, cwd=cwd, check=check).stdout
    return {each["what"]: each for each in json.loads(said)}


def test_a_sound_cache_and_what_is_there(line, commands):
    found = asked(commands, line.folder, check=0)
    assert found["cache"]["state"] == "good" and "12 video of i3d" in found["cache"]["found"]
    assert {"fmn", "packages", "processor", "GPU", "disk", "decoders", "I3D weights", "extra zoo"} <= found.keys()
    assert found["decoders"]["state"] == "good" and "untrained" in found["features"]["found"]
    shown = commands.run("fmn-doctor", cwd=line.folder, check=0).stdout
    assert "what to do" in shown and "fmn-weights" in shown


def test_damage_is_trouble_and_says_what_to_do(line, commands, tmp_path):
    cache = shutil.copytree(line.folder / "cache", tmp_path / "cache")
    shard = next(cache.glob("video-*.h5"))
    shard.write_bytes(shard.read_bytes()[:-9] + b"X" + shard.read_bytes()[-8:])
    found = asked(commands, tmp_path, "--cache", cache, check=1)
    assert found["cache"]["state"] == "trouble" and found["cache"]["advice"] == f"fmn-cache repair {cache}"
    assert asked(commands, tmp_path, "--cache", tmp_path / "none", check=1)["cache"]["state"] == "trouble"


def test_a_decoder_that_is_missing_is_trouble(monkeypatch):
    monkeypatch.setattr(doctor, "DECODERS", ("h264", "no such codec"))
    (found,) = doctor._media()
    assert found.state == "trouble" and found.found.endswith("lacks no such codec")
