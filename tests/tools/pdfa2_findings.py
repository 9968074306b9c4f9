"""Prints what pikepdf's validator has against each FILE as PDF/A-2, one finding a line.

It knows level B and no extension schemas, and it approves only what it knows. Left out are therefore:
our level U, our documented extension schema (PDFBox preflight judges that, on the 1b variant), and its
wish for an output intent (it could not judge device colours; any that are used are still reported).
"""

import logging
import re
import sys

from pikepdf.pdfa import validate_written

KNOWN = [
    re.compile(r"pdfaid:conformance is 'U', expected 'B'$"),
    re.compile(r"XMP (namespace|property) (fax|pdfaExtension|pdfaSchema|pdfaProperty)[:=]\S+ is not permitted$"),
    re.compile(r"no OutputIntents; device colour cannot be checked$"),
]


def main() -> None:
    logging.disable(logging.WARNING)
    for path in sys.argv[1:]:
        for finding in validate_written(path, "2b").findings:
            if not any(known.search(str(finding)) for known in KNOWN):
                print(finding)


main()
