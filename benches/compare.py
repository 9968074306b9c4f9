"""Reads the same fax pages with faxgate, OCRmyPDF and the tesseract command, in one run, and compares them.

Usage: compare.py FAXGATE OCRMYPDF OUT.md TRUTH_DIR...

A TRUTH_DIR holds `<page>.json` ({"lang": en|zh|mix, "lines": [{"t": text, "y": share of the page}], "profile":
{"skew", "dy"}, "H"}) and beside each the page's TIFFs, `<page>*.tif`. Pages whose truth names no language, or that
are upside down or damaged (`"clean": false`), are left out.

Counted per system: character error rate (Levenshtein over NFKC text; words go to the true line nearest in height, so
reading order is not judged; blanks count in English alone), CPU seconds a page (user + system, children included,
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


def words(pdf):
    """(x, y, text) of each word; x and y as shares of the page."""
    with tempfile.NamedTemporaryFile(suffix=".html") as out:
        subprocess.run(["pdftotext", "-f", "1", "-l", "1", "-bbox", pdf, out.name], check=True, stderr=subprocess.DEVNULL)
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


def score(found, truth):
    """(errors, characters)."""
    language, lines = truth["lang"], truth["lines"]
    profile = truth.get("profile", {})
    slope = math.tan(math.radians(-profile.get("skew", 0.0))) * truth.get("W", 1) / truth.get("H", 1)
    shift = profile.get("dy", 0.0) / truth.get("H", 1)
    rows = defaultdict(list)
    for x, y, text in found:
        flat = y - shift - slope * (x - 0.5)
        rows[min(range(len(lines)), key=lambda at: abs(lines[at]["y"] - flat))].append((x, text))
    errors = total = 0
    for at, line in enumerate(lines):
        wanted = fold(line["t"], language)
        read = fold(" ".join(text for _, text in sorted(rows[at])), language)
        errors += distance(read, wanted)
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


def pages(folders):
    for folder in folders:
        for truth_path in sorted(Path(folder).rglob("*.json")):
            truth = json.loads(truth_path.read_text(encoding="utf-8"))
            if not isinstance(truth, dict) or truth.get("lang") not in LANGUAGE or not truth.get("clean", True):
                continue
            for tif in sorted(truth_path.parent.glob(f"{truth_path.stem}*.tif")):
                yield truth, str(tif)


def resolution(tif):
    info = subprocess.run(["tiffinfo", tif], capture_output=True, text=True).stdout
    found = re.search(r"Resolution: ([\d.]+), ([\d.]+)", info)
    down = float(found.group(2)) if found else 0
    return "standard" if down < 150 else "fine" if down < 250 else "superfine"


def main(faxgate, ocrmypdf, out, *folders):
    errors = defaultdict(lambda: [0, 0])
    cpu, peak, count = defaultdict(list), defaultdict(float), 0
    todo = list(pages(folders))
    with tempfile.TemporaryDirectory() as work:
        for number, (truth, tif) in enumerate(todo, 1):
            dither = ".ed" if ".ed." in tif or truth.get("dither") == "ed" else ""
            key = (truth["lang"], resolution(tif) + (" dithered" if dither else ""))
            for name, command in systems(faxgate, ocrmypdf).items():
                pdf = f"{work}/out.pdf"
                seconds, megabytes, _ = measured(command(tif, pdf, truth["lang"]))
                wrong, total = score(words(pdf), truth)
                errors[name, key][0] += wrong
                errors[name, key][1] += total
                cpu[name].append(seconds)
                peak[name] = max(peak[name], megabytes)
            count += 1
            print(f"\r{number} of {len(todo)} pages", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    write(out, errors, cpu, peak, count)


def write(out, errors, cpu, peak, count):
    names = list(cpu)
    keys = sorted({key for _, key in errors})
    rows = [f"{count} pages, one process a page.", "", "| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]

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
