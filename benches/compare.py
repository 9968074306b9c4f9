"""Reads the same fax pages with faxgate, OCRmyPDF and the tesseract command, in one run, and compares them.

Usage: compare.py FAXGATE OCRMYPDF OUT.md TRUTH_DIR...

A TRUTH_DIR holds either the fixtures' folders (`<slug>/{original.tif, expect.toml, truth-<n>.json}`) or loose pages,
`<page>.json` and beside each the page's TIFFs, `<page>*.tif`. A truth is {"lang": en|zh|mix, "lines": [{"t": text,
"y": share of the page}], "profile": {"skew", "dy"}, "W", "H"}. Of the fixtures, text faxes are taken, without those
that are upside down, cut or damaged on the line: the others cannot read these at all.

Counted per system: character error rate (Levenshtein over NFKC text; words go to the true line nearest in height, so
reading order is not judged, and cells of
one row are one line; the sending machine's header line is not counted; blanks count in English alone), CPU seconds a page (user + system, children included,
program start and model load included), pages a second and core, and peak memory of any one process.
OCRmyPDF and tesseract are told each page's language; faxgate is not.
"""

import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
import unicodedata
from collections import defaultdict
from pathlib import Path

LANGUAGE = {"en": "eng", "zh": "chi_tra", "mix": "chi_tra+eng"}


def fold(text, language):
    text = unicodedata.normalize("NFKC", text)
    text = text.translate(str.maketrans("‘’“”–—−", "''\"\"---"))
    return re.sub(r"\s+", " " if language == "en" else "", text).strip()


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, cb in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (ca != cb))
    return row[-1]


def words(pdf, page):
    """(x, y, text) of each word of a page (from 1); x and y as shares of the page."""
    with tempfile.NamedTemporaryFile(suffix=".html") as out:
        command = ["pdftotext", "-f", str(page), "-l", str(page), "-bbox", pdf, out.name]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        html = open(out.name, encoding="utf-8", errors="replace").read()
    size = re.search(r'<page width="([\d.]+)" height="([\d.]+)"', html)
    if not size:
        return []
    width, height = map(float, size.groups())
    found = []
    pattern = r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)</word>'
    for x0, y0, x1, y1, text in re.findall(pattern, html, re.S):
        for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
            text = text.replace(entity, char)
        found.append(((float(x0) + float(x1)) / 2 / width, (float(y0) + float(y1)) / 2 / height, text))
    return found


SAME_ROW = 0.004  # share of a page's height: cells of one row of a table are one line of text


def true_rows(truth):
    """(y, text, counted) of each row of text; the sending machine's header line is there but is not counted."""
    rows = []
    for line in sorted(truth["lines"], key=lambda line: line["y"]):
        if rows and abs(rows[-1][0] - line["y"]) < SAME_ROW:
            rows[-1][1] += " " + line["t"]
        else:
            rows.append([line["y"], line["t"], True])
    if truth.get("header", {}).get("t"):
        rows.append([truth["header"]["y"], "", False])
    return rows


def score(found, truth):
    """(errors, characters)."""
    language, rows = truth["lang"], true_rows(truth)
    profile = truth.get("profile", {})
    slope = math.tan(math.radians(-profile.get("skew", 0.0))) * truth.get("W", 1) / truth.get("H", 1)
    shift = profile.get("dy", 0.0) / truth.get("H", 1)
    read = defaultdict(list)
    for x, y, text in found:
        flat = y - shift - slope * (x - 0.5)
        read[min(range(len(rows)), key=lambda at: abs(rows[at][0] - flat))].append((x, text))
    errors = total = 0
    for at, (_, text, counted) in enumerate(rows):
        if counted:
            wanted = fold(text, language)
            errors += distance(fold(" ".join(word for _, word in sorted(read[at])), language), wanted)
            total += len(wanted)
    return errors, total


def measured(command):
    """(CPU seconds, peak MB, wall seconds) of a command and its children."""
    environment = dict(os.environ, OMP_THREAD_LIMIT="1")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    noise = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status not in (0, 3 << 8):
        raise SystemExit(f"{command}: status {status}: {noise.decode(errors='replace')[-500:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, time.monotonic() - started


def systems(faxgate, ocrmypdf):
    return {
        "faxgate convert": lambda tif, out, lang: [faxgate, "convert", tif, "-o", out],
        "OCRmyPDF": lambda tif, out, lang: [ocrmypdf, "--jobs", "1", "--output-type", "pdf", "-q", "-l", LANGUAGE[lang], tif, out],
        "tesseract": lambda tif, out, lang: ["tesseract", tif, out[:-4], "-l", LANGUAGE[lang], "pdf"],
    }


def jobs(folders):
    """(TIFF, truths of its pages) of each file to be read."""
    for folder in map(Path, folders):
        for expect in sorted(folder.glob("*/expect.toml")):
            told = tomllib.loads(expect.read_text(encoding="utf-8"))
            tif = expect.parent / "original.tif"
            odd = any(page["turn"] != "none" or page["vertical"] or page["cut"] or page["damaged_rows"] for page in told["page"])
            if told["kind"] == "text" and tif.exists() and not odd:
                truths = [expect.parent / f"truth-{number}.json" for number in range(1, told["pages"] + 1)]
                yield str(tif), [json.loads(path.read_text(encoding="utf-8")) for path in truths]
        for path in sorted(folder.glob("*.json")):
            truth = json.loads(path.read_text(encoding="utf-8"))
            for tif in sorted(folder.glob(f"{path.stem}.*.tif")):
                yield str(tif), [truth]


def resolutions(tif):
    """Name of each page's resolution."""
    info = subprocess.run(["tiffinfo", tif], capture_output=True, text=True, errors="replace").stdout
    rows = [float(down) for down in re.findall(r"Resolution: [\d.]+, ([\d.]+)", info)]
    return ["standard" if down < 150 else "fine" if down < 250 else "superfine" for down in rows]


def main(faxgate, ocrmypdf, out, *folders):
    errors = defaultdict(lambda: [0, 0])
    cpu, peak, count = defaultdict(list), defaultdict(float), 0
    todo = list(jobs(folders))
    with tempfile.TemporaryDirectory() as work:
        for number, (tif, truths) in enumerate(todo, 1):
            kinds = resolutions(tif)
            for name, command in systems(faxgate, ocrmypdf).items():
                pdf = f"{work}/out.pdf"
                seconds, megabytes, _ = measured(command(tif, pdf, truths[0]["lang"]))
                for page, (truth, kind) in enumerate(zip(truths, kinds), 1):
                    dither = " dithered" if ".ed." in tif or truth.get("dither") == "diffusion" else ""
                    wrong, total = score(words(pdf, page), truth)
                    errors[name, (truth["lang"], kind + dither)][0] += wrong
                    errors[name, (truth["lang"], kind + dither)][1] += total
                    cpu[name].append(seconds / len(truths))
                peak[name] = max(peak[name], megabytes)
            count += len(truths)
            print(f"\r{number} of {len(todo)} files", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    write(out, errors, cpu, peak, count)


def write(out, errors, cpu, peak, count):
    names = list(cpu)
    keys = sorted({key for _, key in errors})
    rows = [f"{count} pages, one process a file.", "", "| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]

    def row(title, cell):
        rows.append(f"| {title} | " + " | ".join(cell(name) for name in names) + " |")

    for language, kind in keys:
        def cell(name):
            wrong, total = errors[name, (language, kind)]
            return f"{100 * wrong / max(total, 1):.1f} %"
        row(f"character errors, {language}, {kind}", cell)
    row("CPU seconds a page, mean", lambda name: f"{sum(cpu[name]) / len(cpu[name]):.2f}")
    row("CPU seconds a page, 95th percentile", lambda name: f"{sorted(cpu[name])[int(len(cpu[name]) * 0.95) - 1]:.2f}")
    row("pages a second and core", lambda name: f"{len(cpu[name]) / sum(cpu[name]):.2f}")
    first = names[0]
    row(f"CPU against {first}", lambda name: f"{sum(cpu[name]) / sum(cpu[first]):.2f} ×")
    row("peak memory of one process, MB", lambda name: f"{peak[name]:.0f}")
    Path(out).write_text("\n".join(rows) + "\n", encoding="utf-8")
    print("\n".join(rows))


if __name__ == "__main__":
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
