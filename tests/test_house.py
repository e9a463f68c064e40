"""The house stands: which room may import which, in which form, and how large a file may be.

The rules are functions over the sources of a house, so that each is also shown to fail on a planted violation.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "cache": set(),
    "extract": {"cache"},
    "retrieval": {"cache"},
    "train": {"cache", "retrieval"},
    "speech": set(),
    "datasets": set(),
    "demo": {"cache", "extract", "retrieval", "speech"},
}
TOP = ""  # the files of a room that are in no sub-folder
STOREYS = {  # lowest first; a file imports from its own storey and from those below
    "extract": ("items", "media", "networks", "weights", "fitting", "encoders", TOP),
    "train": (TOP, "baselines", "experiments"),
}
LOADS_BY_NAME = {"fmn.lazy"}  # what the rooms offer; a test holds its names to what is there
MOST_LINES = 400
DOTTED = re.compile(r"(?<![\w./-])fmn(?:\.[A-Za-z_]\w*)+")


@dataclass(frozen=True)
class Source:
    """A file of the house. `room`: its room, "commands", or "" for the shared ground. `nodes`: all of its tree."""

    name: str
    path: Path
    is_package: bool
    body: list[ast.stmt]
    nodes: list[ast.AST]

    @property
    def room(self) -> str:
        return room_of(self.name)

    @property
    def storey(self) -> str:
        folders = self.name.split(".")[2 : None if self.is_package else -1]
        return folders[0] if folders else TOP


@dataclass(frozen=True)
class Arrow:
    """An import of a module of the house. `late`: it is no statement of the module's own body."""

    source: Source
    target: str
    relative: bool
    late: bool
    line: int

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line} -> {self.target}"


@dataclass(frozen=True)
class House:
    """`files`: import name -> file, where `fmn/` is `fmn` and the room `cache/` is `fmn.cache`."""

    files: dict[str, Source]
    arrows: list[Arrow]


def room_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in {*ALLOWED, "commands"} else ""


def read_house(root: Path) -> House:
    files: dict[str, Source] = {}
    for folder in ("fmn", *ALLOWED):
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            parts = parts if folder == "fmn" else ("fmn", *parts)
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            tree = ast.parse(path.read_text(encoding="utf-8"))
            files[name] = Source(name, path, is_package, tree.body, list(ast.walk(tree)))
    return House(files, [arrow for source in files.values() for arrow in _arrows_of(source, files)])


def _arrows_of(source: Source, files: dict[str, Source]) -> Iterator[Arrow]:
    body = {id(node) for node in source.body}
    for node in source.nodes:
        if isinstance(node, ast.Import):
            asked = [(alias.name, False) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = source.name.split(".")
                home = parts[: len(parts) - node.level + source.is_package]
                base = ".".join([*home, *([base] if base else [])])
            asked = [
                (f"{base}.{alias.name}" if f"{base}.{alias.name}" in files else base, node.level > 0)
                for alias in node.names
            ]
        else:
            continue
        for target, relative in dict.fromkeys(asked):
            if target.split(".")[0] == "fmn":
                yield Arrow(source, target, relative, id(node) not in body, node.lineno)


def forbidden_rooms(house: House) -> list[str]:
    """Arrows into a room, or into the commands, that the file's own room may not have; what is not there at all."""
    found = []
    for arrow in house.arrows:
        room, into = arrow.source.room, room_of(arrow.target)
        allowed = {*ALLOWED, "commands"} if room == "commands" else {"", room, *ALLOWED.get(room, ())}
        if (into and into not in allowed) or arrow.target not in house.files:
            found.append(str(arrow))
    return found


def wrong_forms(house: House) -> list[str]:
    """Inside a room an import starts with a dot; what leaves a room, and all else, says `fmn.`."""
    return [
        str(arrow)
        for arrow in house.arrows
        if arrow.relative != (arrow.source.room in ALLOWED and arrow.source.room == room_of(arrow.target))
    ]


def late_imports(house: House) -> list[str]:
    """Imports of the house's own files inside a function or a condition; only commands and `__init__` may have them."""
    return [
        str(arrow)
        for arrow in house.arrows
        if arrow.late and arrow.source.room != "commands" and not arrow.source.is_package
    ]


def imports_by_name(house: House) -> list[str]:
    """Calls of import_module and its like that ask for a file of the house, which no tool sees."""
    found = []
    for source in house.files.values():
        for node in source.nodes:
            if not (
                isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__")
            ):
                continue
            first = node.args[0] if node.args else None
            parts = first.values if isinstance(first, ast.JoinedStr) else [first]
            known = isinstance(parts[0], ast.Constant) and not str(parts[0].value).startswith(("fmn", "."))
            if not known and source.name not in LOADS_BY_NAME:
                found.append(f"{source.name}:{node.lineno}")
    return found


def circles(house: House) -> list[list[str]]:
    """Files that import one another in a ring, however late (Tarjan's strongly connected components)."""
    leads = {name: set() for name in house.files}
    for arrow in house.arrows:
        if arrow.target in house.files and arrow.target != arrow.source.name:
            leads[arrow.source.name].add(arrow.target)
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for target in sorted(leads[name]):
            if target not in number:
                visit(target)
            if target in stack:
                low[name] = min(low[name], low[target])
        if low[name] == number[name]:
            ring = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(ring) > 1:
                found.append(sorted(ring))

    for name in sorted(house.files):
        if name not in number:
            visit(name)
    return found


def arrows_up(house: House) -> list[str]:
    """Imports from a storey of a room into a higher one; `__init__` of the room, which only offers, is above all."""
    found = []
    for arrow in house.arrows:
        storeys = STOREYS.get(arrow.source.room)
        target = house.files.get(arrow.target)
        if not storeys or target is None or target.room != arrow.source.room:
            continue
        of_the_room = arrow.source.name.count(".") == 1
        if not of_the_room and _height(storeys, arrow.source) < _height(storeys, target):
            found.append(str(arrow))
    return found


def _height(storeys: tuple[str, ...], source: Source) -> int:
    return storeys.index(source.storey) if source.storey in storeys else len(storeys)


def is_there(name: str, house: House) -> bool:
    """Whether `fmn.room.module.name.attribute` exists, as far as the sources alone can say."""
    parts = name.split(".")
    known = max((k for k in range(1, len(parts) + 1) if ".".join(parts[:k]) in house.files), default=0)
    if known == 0:
        return False
    scope: list[ast.stmt] = house.files[".".join(parts[:known])].body
    for part in parts[known:]:
        if (holder := _defined(scope).get(part)) is None:
            return False
        if not isinstance(holder, ast.ClassDef):
            return True
        scope = holder.body
    return True


def _defined(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """The names that statements define, those under a condition included."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {
                name.id: node for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)
            }
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name: node for alias in node.names}
        elif isinstance(node, ast.If):
            found |= _defined([*node.body, *node.orelse])
    return found


def lost_names(house: House, pages: list[Path]) -> list[str]:
    """Dotted names in docstrings and pages that do not exist."""
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    for source in house.files.values():
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        said = [ast.get_docstring(node) for node in source.nodes if isinstance(node, documented)]
        texts[source.name] = "\n".join(filter(None, said))
    return [
        f"{where}: {name}"
        for where, text in texts.items()
        for name in sorted(set(DOTTED.findall(text)))
        if not is_there(name, house)
    ]


HOUSE = read_house(ROOT)
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "cache" / "README.md"]
RULES = (forbidden_rooms, wrong_forms, late_imports, imports_by_name, circles, arrows_up)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule):
    assert not rule(HOUSE)


def test_every_folder_of_a_room_is_a_storey():
    for room, storeys in STOREYS.items():
        assert {source.storey for source in HOUSE.files.values() if source.room == room} == set(storeys)


def test_the_names_that_the_words_point_to_exist():
    assert not lost_names(HOUSE, [page for page in PAGES if page.name != "CHANGELOG.md"])


def test_what_the_rooms_offer_is_there_and_is_no_module():
    for room in ALLOWED:
        (typed,) = [node.body for node in HOUSE.files[f"fmn.{room}"].body if isinstance(node, ast.If)]
        where = {alias.asname: node.module for node in typed for alias in node.names}
        assert import_module(f"fmn.{room}").__all__ == sorted(where), room
        for name, module in where.items():
            assert is_there(f"fmn.{room}.{module}.{name}", HOUSE), name
            assert f"fmn.{room}.{name}" not in HOUSE.files, f"{name} would be the module or the name, as it comes"


def test_no_file_is_longer_than_the_house_allows():
    files = [
        path for folder in (*ALLOWED, "fmn", "tests", "bench", "examples") for path in (ROOT / folder).rglob("*.py")
    ]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {path: length for path, length in lengths.items() if length > MOST_LINES}


def test_nothing_pickles_and_torch_loads_weights_only():
    for source in HOUSE.files.values():
        for node in source.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                roots = {alias.name.split(".")[0] for alias in node.names} | {
                    (getattr(node, "module", "") or "").split(".")[0]
                }
                assert not roots & {"pickle", "cloudpickle", "dill", "joblib", "shelve"}, source.path
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords), (
                    source.path
                )


SMALL = {
    "fmn/__init__.py": "",
    "fmn/errors.py": "class InputError(Exception):\n    code = 2\n",
    "fmn/commands/__init__.py": "",
    "fmn/commands/extract.py": "def main():\n    from fmn.extract.pipeline import extract\n",
    "cache/__init__.py": "",
    "cache/reader.py": "from fmn.errors import InputError\n",
    "extract/__init__.py": "if TYPE_CHECKING:\n    from .pipeline import extract as extract\n",
    "extract/pipeline.py": "from fmn.cache.reader import InputError\nfrom .media.flow import field\nextract = field\n",
    "extract/media/__init__.py": "",
    "extract/media/flow.py": "field = 1\n",
    "train/__init__.py": "",
    "train/run.py": '"""See `fmn.errors.InputError.code`."""\nfrom fmn.retrieval import network\n',
    "retrieval/__init__.py": "",
    "retrieval/network.py": "",
}
FLOW = "extract/media/flow.py"
PLANTED = {
    "a late import": (late_imports, FLOW, "def f():\n    from fmn.cache import reader\n"),
    "one for the types alone": (late_imports, FLOW, "import typing\nif typing.TYPE_CHECKING:\n    import fmn.cache\n"),
    "absolute inside a room": (wrong_forms, "extract/pipeline.py", "from fmn.extract.media import flow\n"),
    "relative out of a room": (wrong_forms, FLOW, "from ...cache import reader\n"),
    "relative in the ground": (wrong_forms, "fmn/files.py", "from .errors import InputError\n"),
    "a circle of two": (circles, FLOW, "from .. import pipeline\n"),
    "a circle that a late import hides": (circles, FLOW, "def f():\n    from ..pipeline import extract\n"),
    "a circle by way of the room": (circles, FLOW, "from .. import extract\n"),
    "a forbidden room": (forbidden_rooms, FLOW, "from fmn.train import run\n"),
    "a room in the ground": (forbidden_rooms, "fmn/files.py", "import fmn.cache.reader\n"),
    "the commands": (forbidden_rooms, "train/run.py", "from fmn.commands import extract\n"),
    "what is not there": (forbidden_rooms, FLOW, "from fmn.cache.gone import reader\n"),
    "an arrow up": (arrows_up, FLOW, "from ..encoders import i3d\n"),
    "an arrow up to the top": (arrows_up, FLOW, "from ..pipeline import extract\n"),
    "an arrow up to the experiments": (arrows_up, "train/run.py", "from .experiments import study\n"),
    "by name": (imports_by_name, FLOW, "import importlib\nimportlib.import_module('fmn.cache')\n"),
    "by a made-up name": (
        imports_by_name,
        FLOW,
        "from importlib import import_module\nimport_module(f'{__name__}.x')\n",
    ),
}


def built(root: Path, files: dict[str, str]) -> House:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return read_house(root)


def test_a_house_in_order_breaks_no_rule(tmp_path):
    house = built(tmp_path, SMALL)
    assert len(house.arrows) == 6
    assert not [found for rule in RULES for found in rule(house)] and not lost_names(house, [])


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_violation_is_found(tmp_path, planted):
    rule, file, text = PLANTED[planted]
    rest = {"extract/encoders/i3d.py": "", "train/experiments/study.py": ""}
    assert not rule(built(tmp_path, {**SMALL, **rest}))
    (found,) = rule(built(tmp_path, {file: text}))
    where = f"fmn.{file.removesuffix('.py').replace('/', '.').removeprefix('fmn.')}"
    assert where in found


def test_a_lost_name_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "`fmn.cache.reader` and fmn.errors.InputError.code, but fmn.errors.InputError.text, not fmn.train.walk."
    )
    house = built(tmp_path, {**SMALL, FLOW: '"""As `fmn.cache.reader.Reader`."""\n'})
    lost = {name.split(": ")[1] for name in lost_names(house, [page])}
    assert lost == {"fmn.errors.InputError.text", "fmn.train.walk", "fmn.cache.reader.Reader"}
