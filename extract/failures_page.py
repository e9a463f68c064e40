"""The failed items as a page to read, by their kind. No scripts, no network."""

from pathlib import Path

from fmn.printable import in_html

from .failures import AGAIN, Kind, Trouble

STYLE = """
:root { color-scheme: light dark; --soft: #5d646e; --line: #dddad3; --note: #fdf3d9; }
@media (prefers-color-scheme: dark) { :root { --soft: #a0a7b0; --line: #363b41; --note: #332a14; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
ul { list-style: none; margin: 0; padding: 0; }
h1 + p { margin-bottom: .75rem; }
li { border-top: 1px solid var(--line); padding: .5rem 0; }
p { margin: 0; }
.kinds li { display: flex; justify-content: space-between; gap: 1rem; }
.advice { background: var(--note); padding: .6rem .9rem; border-radius: 4px; margin: 0 0 .75rem; }
.path { font: .85rem/1.4 ui-monospace, monospace; }
.soft { color: var(--soft); font-size: .875rem; }
a { color: inherit; }
"""


def failures_page(cache: Path, found: dict[Kind, list[Trouble]]) -> str:
    """The whole page of a cache's `fmn.extract.failures.troubles`."""
    title = f"Failed items of {in_html(str(cache))}"
    count = sum(map(len, found.values()))
    told = f"{count} {'item' if count == 1 else 'items'}, by reason. {AGAIN}" if count else "No item failed."
    body = [f"<h1>{title}</h1>", f'<p class="soft">{told}</p>']
    links = "".join(
        f'<li><a href="#k{n}">{in_html(kind.name)}</a><span>{len(several)}</span></li>'
        for n, (kind, several) in enumerate(found.items())
    )
    body += [f'<ul class="kinds">{links}</ul>'] if found else []
    for n, (kind, several) in enumerate(found.items()):
        body.append(f'<section>\n<h2 id="k{n}">{in_html(kind.name)}: {len(several)}</h2>')
        body.append(f'<p class="advice">{in_html(kind.advice)}</p>\n<ul>')
        body += map(_line, several)
        body.append("</ul>\n</section>")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _line(trouble: Trouble) -> str:
    of = trouble.failure
    told = ", ".join(filter(None, (of.modality, of.id, of.label, of.split)))
    lines = {"path": of.path, "reason": trouble.reason, "soft": told}
    shown = "".join(f'<p class="{style}">{in_html(text)}</p>' for style, text in lines.items())
    return f"<li>{shown}</li>"
