"""The results page, to look and listen: queries, what was found for them, and the table. No scripts, no network."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from fmn.cache import FeatureCache
from fmn.files import replacing, write_durably
from fmn.item import Item
from fmn.printable import in_html

from .protocol import DIRECTIONS, relevance
from .retriever import Retriever

MEDIA = "media"

STYLE = """
:root { color-scheme: light dark; --ground: #f7f6f3; --card: #fff; --ink: #22252a; --soft: #5d646e; --line: #dddad3;
  --right: #17734a; --wrong: #a8402f; --note: #7a5300; --note-ground: #fdf3d9; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181b; --card: #1f2226; --ink: #e6e6e3; --soft: #a0a7b0;
  --line: #363b41; --right: #5fc796; --wrong: #ee8f7e; --note: #f0cf87; --note-ground: #332a14; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
a { color: inherit; }
nav { display: flex; gap: 1.25rem; flex-wrap: wrap; margin: 1rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .35rem .75rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; padding-left: 0; }
tbody th { font-weight: 400; }
.soft { color: var(--soft); font-size: .875rem; margin: .5rem 0; }
.warning { color: var(--note); background: var(--note-ground); border-left: 4px solid; padding: .6rem .9rem;
  margin: .75rem 0; border-radius: 4px; }
.query { display: grid; grid-template-columns: minmax(0, 17rem) minmax(0, 1fr); gap: 1rem 1.5rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; margin: 0 0 1.25rem; }
.asked { align-self: start; position: sticky; top: 1rem; }
.hits { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem;
  align-content: start; margin: 0; padding: 0; list-style: none; }
figure { margin: 0; }
.hits figure { border: 2px solid; border-radius: 8px; padding: .5rem; height: 100%; }
.hits .right { border-color: var(--right); }
.hits .wrong { border-color: var(--wrong); border-style: dashed; }
.verdict { font-weight: 600; }
.right .verdict { color: var(--right); }
.wrong .verdict { color: var(--wrong); }
.place { display: flex; justify-content: space-between; gap: .5rem; font-size: .875rem; margin-bottom: .4rem; }
video, audio { width: 100%; display: block; }
video { aspect-ratio: 4 / 3; background: #000; border-radius: 4px; object-fit: contain; }
audio { min-height: 40px; }
figcaption { margin-top: .4rem; font-size: .9rem; overflow-wrap: anywhere; }
figcaption p { margin: 0; }
.file { color: var(--soft); font-size: .78rem; }
.missing { padding: 1rem .5rem; text-align: center; border: 1px dashed var(--line); color: var(--soft);
  font-size: .875rem; }
@media (max-width: 44rem) { .query { grid-template-columns: minmax(0, 1fr); } .asked { position: static; }
  .hits { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); } }
"""


@dataclass(frozen=True)
class Clip:
    """A media file to be played: a "video" clip or an "audio" recording, from `start` to `end` (seconds) if given."""

    path: str | Path
    modality: str
    label: str = ""
    text: str = ""
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class PageHit:
    """One ranked answer; `rank` counts from 1, `right` says whether it is relevant to its query."""

    clip: Clip
    rank: int
    score: float
    right: bool


@dataclass(frozen=True)
class PageQuery:
    """One query and its top answers, best first; queries of one `direction` stand together."""

    direction: str
    clip: Clip
    hits: Sequence[PageHit]


def showcase(
    cache: FeatureCache, retriever: Retriever, *, queries: int = 6, top: int = 5, split: str = "test"
) -> list[PageQuery]:
    """Rank the split as the evaluation does and take some queries of each direction.

    Args:
        cache: the features.
        retriever: fitted on them.
        queries: how many a direction, spread evenly over the queries' ids: not chosen by how well they went.
        top: answers a query.
        split: which split is ranked.

    Returns:
        Pages' queries, speech->video first.
    """
    encoders = retriever.encoders
    items = {modality: cache.items(modality, encoder, split=split) for modality, encoder in encoders.items()}
    features = {modality: cache.features(modality, encoder, split=split) for modality, encoder in encoders.items()}
    scores = retriever.score(features["video"], features["audio"])
    matches = relevance(
        [item.pair for item in items["video"]],
        [item.label for item in items["video"]],
        [item.pair for item in items["audio"]],
        [item.label for item in items["audio"]],
    )
    shown: list[PageQuery] = []
    for direction, (query, gallery) in DIRECTIONS.items():
        table, right = (scores, matches) if query == "video" else (scores.T, matches.T)
        for row in np.unique(np.linspace(0, len(table) - 1, min(queries, len(table))).round().astype(int)):
            best = np.argsort(-table[row], kind="stable")[:top]
            hits = [
                PageHit(_clip(items[gallery][at]), place, float(table[row, at]), bool(right[row, at]))
                for place, at in enumerate(best, start=1)
            ]
            shown.append(PageQuery(direction, _clip(items[query][row]), hits))
    return shown


def write_page(
    path: str | Path,
    queries: Sequence[PageQuery],
    title: str,
    summary_rows: Sequence[Sequence[str]],
    warnings: Sequence[str] = (),
    *,
    note: str = "",
    copy_media: bool = False,
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the HTML file; its folder is made.
        queries: what to show, in this order.
        title: heading of the page.
        summary_rows: the table on top, the first row being its heading (`report.summary_rows`); may be empty.
        warnings: sentences shown under the heading, such as the encoders' warnings.
        note: a sentence under the table: what the numbers are.
        copy_media: copy the files to `media/` beside the page, so that the folder can be moved; else they are linked
            relative to it. A file that is not there is shown as missing.

    Raises OSError when the page or a copy cannot be written.
    """
    page = Path(path)
    page.parent.mkdir(parents=True, exist_ok=True)
    links: dict[str, str] = {}
    for query in queries:
        for clip in (query.clip, *(hit.clip for hit in query.hits)):
            if str(clip.path) not in links:
                links[str(clip.path)] = _link(str(clip.path), page.parent, copy_media)
    directions = list(dict.fromkeys(query.direction for query in queries))
    chosen = {direction: [query for query in queries if query.direction == direction] for direction in directions}
    body = [f"<h1>{in_html(title)}</h1>"]
    body += [f'<p class="warning"><strong>Warning:</strong> {in_html(warning)}</p>' for warning in warnings]
    body += [_table(summary_rows)] if summary_rows else []
    body += [f'<p class="soft">{in_html(note)}</p>'] if note else []
    body.append('<p class="soft">A file that does not play in this browser can be opened by its name.</p>')
    if len(directions) > 1:
        anchors = (f'<a href="#d{n}">{in_html(name)}</a>' for n, name in enumerate(directions))
        body.append(f"<nav>{''.join(anchors)}</nav>")
    for n, (direction, group) in enumerate(chosen.items()):
        body.append(f'<section>\n<h2 id="d{n}">{in_html(direction)}</h2>')
        body += [_query(query, links) for query in group]
        body.append("</section>")
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{in_html(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )
    write_durably(page.parent, page.name, text.encode("utf-8", "replace"))


def _link(path: str, folder: Path, copy: bool) -> str:
    """The media file's address, relative to the page where it lies here; "" when it is not there, or in a store that
    browsers do not open."""
    media = Path(path)
    if path.startswith(("http://", "https://")):
        return in_html(path)
    if not media.is_file():
        return ""
    if not copy:
        return quote(os.fsencode(os.path.relpath(media.resolve(), folder.resolve())))
    # By its address, as two folders may hold files of one name.
    name = hashlib.sha256(os.fsencode(media.resolve())).hexdigest()[:16] + media.suffix
    target = folder / MEDIA / name
    target.parent.mkdir(exist_ok=True)
    with replacing(target) as partial:
        shutil.copyfile(media, partial)
    return quote(os.fsencode(f"{MEDIA}/{name}"))


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{in_html(cell)}</th>' for cell in rows[0])
    lines = [
        f'<tr><th scope="row">{in_html(row[0])}</th>{"".join(f"<td>{in_html(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows[1:]
    ]
    body = "\n".join(lines)
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _query(query: PageQuery, links: dict[str, str]) -> str:
    right = sum(hit.right for hit in query.hits)
    hits = "\n".join(_hit(hit, links) for hit in query.hits)
    count = f'<p class="soft">{right} of the top {len(query.hits)} right</p>'
    asked = f'<div class="asked"><h3>Query</h3>{_figure(query.clip, links, "query")}{count}</div>'
    return f'<article class="query">\n{asked}\n<ol class="hits">\n{hits}\n</ol>\n</article>'


def _hit(hit: PageHit, links: dict[str, str]) -> str:
    name, sign = ("right", "✓") if hit.right else ("wrong", "✗")
    place = (
        f'<div class="place"><span>#{hit.rank} &middot; {hit.score:.3f}</span>'
        f'<span class="verdict">{sign} {name}</span></div>'
    )
    return f"<li>{_figure(hit.clip, links, f'rank {hit.rank}', name, place)}</li>"


def _figure(clip: Clip, links: dict[str, str], what: str, style: str = "", above: str = "") -> str:
    link, name = links[str(clip.path)], in_html(Path(clip.path).name)
    if link:
        link += _part(clip)
        spoken = in_html(f"{what}: {clip.label or clip.text or Path(clip.path).name}")
        kind = 'video preload="metadata" playsinline' if clip.modality == "video" else 'audio preload="none"'
        player = f'<{kind} controls src="{link}" aria-label="{spoken}"></{clip.modality}>'
        file = f'<p class="file"><a href="{link}">{name}</a></p>'
    else:
        player, file = '<p class="missing">The file is not there.</p>', f'<p class="file">{name}</p>'
    label = f"<p><strong>{in_html(clip.label)}</strong></p>" if clip.label else ""
    text = f"<p>&ldquo;{in_html(clip.text)}&rdquo;</p>" if clip.text else ""
    return f'<figure class="{style}">{above}{player}<figcaption>{label}{text}{file}</figcaption></figure>'


def _part(clip: Clip) -> str:
    """The media fragment (W3C Media Fragments URI) of a clip that is a part of its file."""
    if clip.start is None and clip.end is None:
        return ""
    return f"#t={clip.start or 0:g}" + ("" if clip.end is None else f",{clip.end:g}")


def _clip(item: Item) -> Clip:
    return Clip(item.path, item.modality, item.label, item.text, item.start, item.end)
