/** What the page of an explanation looks like beside what all pages have in common. */
export const EXPLAIN_STYLE = `
h1 { overflow-wrap: anywhere; }
.answer { display: flex; flex-wrap: wrap; gap: 1rem; margin: .8rem 0; align-items: start; }
.answer img { width: min(100%, 16rem); min-width: 10rem; border-radius: .5rem; image-rendering: pixelated; }
.classes { list-style: none; margin: 0; padding: 0; flex: 1 1 16rem; display: grid; gap: .45rem; }
.classes li { display: grid; grid-template-columns: minmax(0, 9rem) 1fr 4.2rem; gap: .6rem; align-items: center; }
.classes span:first-child { overflow-wrap: anywhere; }
.classes b { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bar { height: .8rem; border-radius: .2rem; background: linear-gradient(var(--accent), var(--accent)) no-repeat 0 / calc(100% * var(--share)) 100%, var(--line); }
.phi { position: sticky; top: 0; z-index: 2; display: flex; gap: .8rem; align-items: center; padding: .6rem .9rem; margin-top: 2rem;
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.phi label { flex: 0 1 auto; }
.phi input { flex: 1 1 8rem; min-width: 0; accent-color: var(--accent); height: 1.6rem; margin: 0; }
.phi output { font-size: 1.4rem; font-weight: 600; min-width: 2ch; text-align: right; font-variant-numeric: tabular-nums; }
.row { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: center; margin: .8rem 0; }
.choice { display: inline-flex; gap: .4rem; align-items: center; }
select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .3rem; padding: .2rem .4rem; max-width: 14rem; }
.note { color: var(--soft); font-size: .85rem; min-height: 1.3em; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: .8rem; align-items: start; }
.triple { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; margin: .6rem 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(11rem, 40%), 1fr)); gap: .6rem; margin: .6rem 0; }
.stage { position: relative; line-height: 0; max-width: 26rem; margin: 0 auto; }
.stage canvas { width: 100%; height: auto; image-rendering: pixelated; border-radius: .2rem; }
.stage[tabindex] { cursor: crosshair; touch-action: manipulation; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.cursor { position: absolute; pointer-events: none; box-shadow: 0 0 0 1.5px #fff, 0 0 0 3px #000; border-radius: 1px; }
.lattice { position: absolute; inset: 0; pointer-events: none; opacity: .35;
  background-image: linear-gradient(to right, #000 1px, transparent 1px), linear-gradient(to bottom, #000 1px, transparent 1px); }
.block { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: .72rem; font-variant-numeric: tabular-nums; background: var(--card); }
.block td { border: 1px solid var(--line); text-align: center; padding: .3rem 0; overflow: hidden; }
.block .zero { color: var(--soft); opacity: .55; }
.block .dropped { text-decoration: line-through; background: color-mix(in srgb, var(--line) 45%, transparent); color: var(--soft); }
.layer { padding: .7rem 0; border-top: 1px solid var(--line); content-visibility: auto; contain-intrinsic-size: auto 7rem; }
.layer h3 { margin: 0 0 .4rem; font-size: .95rem; overflow-wrap: anywhere; }
.layer small { color: var(--soft); font-weight: 400; }
.maps { display: flex; flex-wrap: wrap; gap: .4rem; align-items: end; min-height: 4.5rem; }
.maps canvas { width: 4.5rem; image-rendering: pixelated; border-radius: .2rem; background: var(--line); }
.maps svg { width: 7.5rem; height: 4.5rem; color: var(--ink); }
.maps svg rect { fill: var(--soft); }
`
