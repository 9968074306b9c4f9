"""Prints the text of a PDF as pdfium extracts it (that is Chromium's reader), a form feed after each page.

Usage: pdfium_text.py FILE [WORD ...]
With words: prints those that pdfium's own search does not find on any page, one a line.
"""

import sys

import pypdfium2


def main() -> None:
    path, words = sys.argv[1], sys.argv[2:]
    missing = list(words)
    out = []
    document = pypdfium2.PdfDocument(path)
    for page in document:
        text = page.get_textpage()
        out.append(text.get_text_range() + "\f")
        missing = [word for word in missing if text.search(word).get_next() is None]
    result = "\n".join(missing) if words else "".join(out)
    sys.stdout.buffer.write(result.encode("utf-8", "surrogatepass"))


main()
