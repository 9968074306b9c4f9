"""Prints the text of a PDF as pdfium extracts it (that is Chromium's reader), a form feed after each page.

Usage: pdfium_text.py FILE [WORD ...]
With words: prints those that pdfium's own search does not find on any page, one a line.
Usage: pdfium_text.py FILE --boxes
Prints JSON: for each page its characters, each with left, top, right, bottom in points of the page as shown, y down.
"""

import json
import sys

import pypdfium2


def shown(box, page):
    """A box of the unrotated page, y up, on the page as a viewer shows it, y down."""
    left, bottom, right, top = box
    x0, y0, x1, y1 = page.get_mediabox()
    wide, high = x1 - x0, y1 - y0
    return {
        0: [left, high - top, right, high - bottom],
        90: [bottom, left, top, right],
        180: [wide - right, bottom, wide - left, top],
        270: [high - top, wide - right, high - bottom, wide - left],
    }[page.get_rotation()]


def characters(page):
    text = page.get_textpage()
    out = []
    high = None
    for at in range(text.count_chars()):
        code = pypdfium2.raw.FPDFText_GetUnicode(text, at)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high or 0xD800) - 0xD800) * 0x400 + code - 0xDC00
        out.append((chr(code), shown(text.get_charbox(at, loose=True), page)))
    return out


def main() -> None:
    path, words = sys.argv[1], sys.argv[2:]
    document = pypdfium2.PdfDocument(path)
    if words == ["--boxes"]:
        print(json.dumps([characters(page) for page in document]))
        return
    missing = list(words)
    out = []
    for page in document:
        text = page.get_textpage()
        out.append(text.get_text_range() + "\f")
        missing = [word for word in missing if text.search(word).get_next() is None]
    result = "\n".join(missing) if words else "".join(out)
    sys.stdout.buffer.write(result.encode("utf-8", "surrogatepass"))


main()
