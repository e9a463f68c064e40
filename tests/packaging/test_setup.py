"""setup.cfg against the folders, what is offered without loading anything, and the install hints."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fmn
from fmn import install

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("cache", "datasets", "demo", "extract", "retrieval", "speech", "train")


@pytest.fixture(scope="module")
def setup():
    read = configparser.ConfigParser(delimiters="=")
    read.optionxform = str
    read.read(ROOT / "setup.cfg", encoding="utf-8")
    return read


def lines(text):
    return [line.strip() for line in text.strip().splitlines()]


def test_every_folder_with_code_is_a_package_and_no_other(setup):
    folders = {path.parent.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    names = {".".join(("fmn", *folder.parts)) for folder in folders} | {"fmn", "fmn.commands"}
    assert set(lines(setup["options"]["packages"])) == names
    placed = dict(re.split(r" *= *", line) for line in lines(setup["options"]["package_dir"]))
    assert placed == {"fmn": "fmn"} | {f"fmn.{room}": room for room in ROOMS}
    assert all((ROOT / folder / "__init__.py").is_file() for folder in folders)


def test_every_command_is_a_module_of_the_commands(setup):
    for line in lines(setup["options.entry_points"]["console_scripts"]):
        name, module = re.fullmatch(r"(fmn-[a-z]+) = fmn_retrieval:(\w+)", line).groups()
        code = (ROOT / "fmn" / "commands" / f"{module}.py").read_text(encoding="utf-8")
        assert re.search(rf'^@(command|group)\("{name}"\)', code, re.MULTILINE) and "\ndef main(" in code


def test_importing_the_rooms_loads_nothing_heavy():
    code = "import sys, fmn, " + ", ".join(f"fmn.{room}" for room in ROOMS)
    code += "; print(sorted({'av', 'cv2', 'h5py', 'matplotlib', 'numpy', 'scipy', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_a_room_offers_can_be_had():
    from fmn.cache import CacheWriter, FeatureCache
    from fmn.extract import InceptionI3d, extract, flow_fields, frames, load_i3d, waveform
    from fmn.retrieval import FeatureMemory, evaluate, load
    from fmn.train import train

    offered = (extract, InceptionI3d, load_i3d, frames, waveform, flow_fields, CacheWriter, FeatureCache)
    for each in (*offered, FeatureMemory, evaluate, load, train):
        assert each.__doc__, each
    assert "FeatureCache" in dir(fmn.cache)
    with pytest.raises(AttributeError, match=r"module 'fmn\.cache' has no attribute 'nothing'"):
        fmn.cache.nothing  # noqa: B018
    with pytest.raises(ImportError):
        from fmn.cache import nothing  # noqa: F401


def test_every_hint_names_this_distribution_and_an_extra_of_it(setup):
    assert setup["metadata"]["name"] == fmn.DISTRIBUTION == install.DISTRIBUTION == "fmn-retrieval"
    extras = set(setup["options.extras_require"])
    asked = set()
    for folder in (*ROOMS, "fmn"):
        for path in (ROOT / folder).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            assert path.name == "install.py" or "pip install" not in code, path
            asked |= set(re.findall(r"\bhint\(['\"](\w+)['\"]\)", code))
    assert asked == {"compare", "demo", "speech", "zoo"} <= extras
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for name, extra in re.findall(r"pip install (?:-\S+ )*'?([\w.-]*)\[(\w+)", page.read_text(encoding="utf-8")):
            assert name in (".", fmn.DISTRIBUTION) and extra in extras, (page.name, name, extra)


class Installed:
    """Stands for the installed distribution; `said` is its direct_url.json."""

    def __init__(self, said):
        self.said = said

    def read_text(self, name):
        return self.said


@pytest.mark.parametrize(
    ("said", "hints"),
    [
        (None, ("pip install 'fmn-retrieval[zoo]'", "pip install fmn-retrieval")),
        ('{{"archive_info": {{}}, "url": "{url}"}}', ("pip install 'fmn-retrieval[zoo]'", "pip install fmn-retrieval")),
        ('{{"dir_info": {{}}, "url": "{url}"}}', ("pip install '.[zoo]' in {folder}", "pip install . in {folder}")),
        (
            '{{"dir_info": {{"editable": true}}, "url": "{url}"}}',
            ("pip install --editable '.[zoo]' in {folder}", "pip install --editable . in {folder}"),
        ),
        (
            '{{"dir_info": {{}}, "url": "{url}/gone"}}',
            ("pip install 'fmn-retrieval[zoo]'", "pip install fmn-retrieval"),
        ),
    ],
    ids=["index", "wheel", "checkout", "editable", "checkout that is gone"],
)
def test_the_hint_is_for_the_way_that_fmn_was_installed(tmp_path, monkeypatch, said, hints):
    folder = tmp_path / "a check out"
    folder.mkdir()
    (folder / "setup.cfg").touch()
    told = said and said.format(url=folder.as_uri())
    monkeypatch.setattr(install.metadata, "distribution", lambda name: Installed(told))
    monkeypatch.setattr(install, "__file__", str(tmp_path / "site-packages" / "fmn" / "install.py"))
    assert (install.hint("zoo"), install.hint()) == tuple(each.format(folder=folder) for each in hints)


def test_run_in_a_checkout_the_hint_is_for_the_checkout(monkeypatch):
    """There Python finds the egg-info of the checkout first, which does not say how it was installed."""
    monkeypatch.setattr(install.metadata, "distribution", lambda name: Installed(None))
    assert install.hint("zoo") == f"pip install --editable '.[zoo]' in {ROOT}"


def test_the_files_to_copy_are_there_and_the_versions_agree():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:[a-z_0-9]+/)+\w+\.py)`", text):
        assert (ROOT / path).is_file(), path
    assert f"\nversion: {fmn.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_makes_of_contributing_are_targets():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert set(re.findall(r"(?:^ {4}|`)make (\w+)", text, re.MULTILINE)) <= set(targets), page
