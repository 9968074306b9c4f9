// Prints what pdf.js, Firefox's reader, makes of a PDF's text.
//
// Usage: node pdfjs_text.mjs PDFJS_FOLDER FILE          the text as it is copied, a form feed after each page
//        node pdfjs_text.mjs PDFJS_FOLDER FILE --boxes  JSON: for each page the runs of its text layer, each with its
//        four corners (start of the baseline side first, then against the clock) in points of the page as shown, y down
import { readFileSync } from "node:fs";

const [folder, file, boxes] = process.argv.slice(2);
// Outside of a browser pdf.js wants a canvas package for these. They paint; text needs none of them.
for (const name of ["DOMMatrix", "ImageData", "Path2D"]) {
  globalThis[name] ??= class {};
}
const { getDocument, Util } = await import(`${folder}/node_modules/pdfjs-dist/legacy/build/pdf.mjs`);
const data = new Uint8Array(readFileSync(file));
const pdf = await getDocument({ data, verbosity: 0 }).promise;
const pages = [];
for (let number = 1; number <= pdf.numPages; number++) {
  const page = await pdf.getPage(number);
  const view = page.getViewport({ scale: 1 });
  const { items, styles } = await page.getTextContent();
  pages.push(
    items.map((item) => {
      // Where the viewer's text layer puts the run: a box as wide as the run and as high as its font.
      const [a, b, c, d, x, y] = Util.transform(view.transform, item.transform);
      const along = Math.hypot(a, b) || 1;
      const up = Math.hypot(c, d) || 1;
      const { ascent = 0.8, descent = -0.2 } = styles[item.fontName] ?? {};
      const at = (u, v) => [x + (a / along) * u + (c / up) * v, y + (b / along) * u + (d / up) * v];
      const [low, high] = [descent * up, ascent * up];
      const corners = [at(0, low), at(item.width, low), at(item.width, high), at(0, high)];
      return { text: item.str, corners, end: item.hasEOL };
    }),
  );
}
if (boxes === "--boxes") {
  process.stdout.write(JSON.stringify(pages));
} else {
  const text = (items) => items.map(({ text, end }) => text + (end ? "\n" : "")).join("");
  process.stdout.write(pages.map((items) => text(items) + "\f").join(""));
}
