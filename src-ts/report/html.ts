/** The shell of a self-contained page: no request, readable on a phone, in dark and in light. */

/** Text as HTML shows it. */
export function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replace(/[&<>"']/g, character => entities[character] as string)
}

/** A whole page from its title and the HTML of its sections, with styles of its own beside those of all pages. */
export function page(title: string, sections: readonly string[], style = ''): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="jpegnet">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
${sections.join('\n')}
</main>
</body>
</html>
`
}

/** A chart as a file of its own, with the colours that a page has. */
export function svgFile(svg: string): string {
  return (
    svg
      .replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')
      .replace('>', `><style>${COLOURS} svg { color: var(--ink); }</style>`) + '\n'
  )
}

/** A section with its heading. */
export function section(title: string, ...content: readonly string[]): string {
  return `<section>\n<h2>${escaped(title)}</h2>\n${content.join('\n')}\n</section>`
}

/** A paragraph of plain text. */
export function paragraph(text: string): string {
  return `<p>${escaped(text)}</p>`
}

/** A name and its value, or a value and what it is. */
export type Fact = readonly [string, string]

/** Named values, two columns. */
export function facts(rows: readonly Fact[]): string {
  const row = ([name, value]: Fact) => `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`
  return `<table class="facts">${rows.map(row).join('')}</table>`
}

/** Results, a line a row; columns of words begin at the left, columns of numbers end at the right. */
export function resultsTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const words = head.map((_, column) => rows.some(row => /^\p{L}/u.test(String(row[column] ?? ''))))
  const line = (cells: readonly (string | number)[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell, column) => `<${tag}${words[column] ? ' class="text"' : ''}>${escaped(String(cell))}</${tag}>`).join('')}</tr>`
  return `<div class="wide"><table class="results">${line(head, 'th')}${rows.map(row => line(row, 'td')).join('')}</table></div>`
}

/** Text that opens under its title. */
export function details(title: string, text: string): string {
  return `<details><summary>${escaped(title)}</summary><pre>${escaped(text)}</pre></details>`
}

/** A chart or an image with what it shows; the caption is HTML. */
export function figure(caption: string, content: string): string {
  return `<figure><figcaption>${caption}</figcaption>${content}</figure>`
}

/** A patch of a colour that a chart uses. */
export function key(colour: 'accent' | 'warm'): string {
  return `<span class="key" style="background: var(--${colour})"></span>`
}

/** A few large numbers with what they are. */
export function headline(numbers: readonly Fact[]): string {
  const tile = ([value, name]: Fact) =>
    `<div class="tile"><strong>${escaped(value)}</strong><span>${escaped(name)}</span></div>`
  return `<div class="headline">${numbers.map(tile).join('')}</div>`
}

/** Colours in light and in dark. */
const COLOURS = `:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #d9d9e0; --ground: #fcfcfd; --card: #fff;
  --accent: #0d74ce; --warm: #cc4e00; --right: #218358; --wrong: #ce2c31; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #b0b4ba; --line: #363a3f; --ground: #111113;
  --card: #18191b; --accent: #70b8ff; --warm: #ffa057; --right: #3dd68c; --wrong: #ff9592; } }`

const STYLE = `${COLOURS}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1rem; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { max-width: 44rem; margin: .4rem 0; color: var(--soft); }
.headline { margin-bottom: 1rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem; }
.tile, figure, .facts { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.tile { padding: .7rem .9rem; }
.tile strong { display: block; font-size: 1.35rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .85rem; }
.charts { margin-top: 1rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: .6rem; align-items: start; }
figure { margin: 0; padding: .8rem; overflow-x: auto; min-width: 0; }
figcaption { font-size: .85rem; color: var(--soft); margin-bottom: .4rem; }
figure svg { display: block; max-width: 100%; margin: 0 auto; height: auto; color: var(--ink); }
.facts { border-collapse: separate; border-spacing: 0; width: 100%; table-layout: fixed; font-variant-numeric: tabular-nums; overflow: hidden; }
.facts th, .facts td { text-align: left; padding: .35rem .8rem; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
.facts tr:first-child > * { border-top: 0; }
.facts th { font-weight: 500; color: var(--soft); width: 34%; }
.wide { overflow-x: auto; }
.results { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
.results th, .results td { text-align: right; padding: .2rem .8rem; border-top: 1px solid var(--line); white-space: nowrap; }
.results th { border-top: 0; color: var(--soft); font-weight: 500; white-space: normal; vertical-align: bottom; max-width: 9rem; }
.results .text { text-align: left; padding-left: 0; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .6rem; }
.pictures figure { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; align-content: start; }
.pictures img, .pictures svg { width: 100%; aspect-ratio: 1; border-radius: .25rem; object-fit: contain; }
.pictures img { image-rendering: pixelated; background: #000; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .6rem; margin-top: .6rem; }
.mistakes figure { display: grid; gap: .5rem; align-content: start; }
.mistakes img, .mistakes .none { width: 100%; aspect-ratio: 4 / 3; border-radius: .25rem; object-fit: contain; background: color-mix(in srgb, var(--line) 35%, transparent); }
.mistakes .none { display: grid; place-items: center; background: var(--line); color: var(--soft); }
.mistakes figcaption { margin: 0; overflow-wrap: anywhere; }
.mistakes small { font-size: .75rem; }
.confusion { display: flex; flex-wrap: wrap; gap: 1rem; align-items: start; margin-top: 1rem; }
.confusion figure { flex: 1 1 36rem; }
.confusion figure > svg { min-width: 30rem; }
.confusion .wide { flex: 1 1 16rem; }
.map { width: min(100%, 40rem); shape-rendering: crispEdges; background: color-mix(in srgb, var(--line) 30%, transparent); }
details { margin: .8rem 0; }
summary { cursor: pointer; color: var(--soft); }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; overflow-x: auto; font-size: .8rem; }
.pictures svg { background: color-mix(in srgb, var(--line) 35%, transparent); }
.pictures figcaption { grid-column: 1 / -1; margin: 0; }
.verdict { font-weight: 600; color: var(--right); }
.wrong .verdict { color: var(--wrong); }
.grid { stroke: var(--soft); stroke-opacity: .35; fill: none; vector-effect: non-scaling-stroke; stroke-width: 1; }
.positive { fill: var(--warm); } .negative { fill: var(--accent); }
.key { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin: 0 .3em 0 .5em; }
`
