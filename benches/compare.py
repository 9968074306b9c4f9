"""Reads the same fax pages with faxgate, OCRmyPDF and the tesseract command, in one run, and sets the figures side by side.

Usage: compare.py FAXGATE OCRMYPDF OUT.md FOLDER...

`faxgate eval` reads, judges and measures all of them by the same rules (docs/benchmarks.md, "What `faxgate eval`
counts"). Of the fixtures, text faxes are taken, without those that are upside down, cut or damaged on the line: the
others cannot read these at all. OCRmyPDF and tesseract are told each page's language; faxgate is not. They are
processes of their own for each file, so program start and loading of models count; faxgate's page worker lives on, as
in the gateway.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path


def peers(ocrmypdf):
    return {
        "faxgate": [],
        "OCRmyPDF": ["--pdf-from", f"{ocrmypdf} --jobs 1 --output-type pdf -q -l {{lang}} {{tif}} {{pdf}}"],
        "tesseract": ["--pdf-from", "tesseract {tif} {out} -l {lang} pdf"],
    }


def odd(fax):
    """True of a fixture that the others cannot read."""
    told = tomllib.loads((fax / "expect.toml").read_text(encoding="utf-8"))
    worn = any(page["turn"] != "none" or page["vertical"] or page["cut"] or page["damaged_rows"] for page in told["page"])
    return told["kind"] != "text" or worn


def gather(folders, into):
    """Links all that is to be read into one folder."""
    for folder in map(Path, folders):
        for path in sorted(folder.resolve().iterdir()):
            if path.is_dir() and (path / "expect.toml").exists() and odd(path):
                continue
            link = Path(into) / path.name
            if link.exists():
                raise SystemExit(f"{path.name} is in two of the folders")
            link.symlink_to(path)


def evaluated(faxgate, folder, more):
    """The report of one system. A page that failed is in it, with all its characters wrong."""
    run = subprocess.run([faxgate, "eval", folder, "--json", "-", *more], stdout=subprocess.PIPE)
    if not run.stdout:
        raise SystemExit(f"{faxgate} eval ended with {run.returncode}")
    return json.loads(run.stdout)


def write(out, reports):
    names = list(reports)
    cells = defaultdict(dict)
    for name, report in reports.items():
        for cell in report["cells"]:
            cells[cell["language"], cell["resolution"], cell["dither"]][name] = cell
    pages = len(next(iter(reports.values()))["pages"])
    lines = [f"{pages} pages.", "", "| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]

    def row(title, texts):
        lines.append(f"| {title} | " + " | ".join(texts) + " |")

    rates = {
        "character errors": "character_error_rate",
        "word errors": "word_error_rate",
        "reading-order errors": "order_error_rate",
    }
    for title, rate in rates.items():
        for (language, resolution, dither), found in sorted(cells.items()):
            values = [found.get(name, {}).get(rate) for name in names]
            if any(value is not None for value in values):
                kind = "" if dither == "threshold" else ", error diffusion"
                texts = ["–" if value is None else f"{value:.1f} %" for value in values]
                row(f"{title}, {language}, {resolution}{kind}", texts)
    costs = [report["costs"] for report in reports.values()]
    row("pages that failed", [str(report["failed"]) for report in reports.values()])
    row("CPU seconds a page, mean", [f"{cost['cpu_seconds']:.2f}" for cost in costs])
    row("CPU seconds a page, 95th percentile", [f"{cost['cpu_seconds_p95']:.2f}" for cost in costs])
    first = costs[0]["cpu_seconds"]
    row(f"CPU against {names[0]}", [f"{cost['cpu_seconds'] / first:.2f} ×" if first else "–" for cost in costs])
    row("peak memory of one process, MB", [f"{cost['peak_bytes'] / 2**20:.0f}" for cost in costs])
    Path(out).write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def main(faxgate, ocrmypdf, out, *folders):
    faxgate, ocrmypdf = (str(Path(program).absolute()) for program in (faxgate, ocrmypdf))
    with tempfile.TemporaryDirectory() as folder:
        gather(folders, folder)
        write(out, {name: evaluated(faxgate, folder, more) for name, more in peers(ocrmypdf).items()})


if __name__ == "__main__":
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
