// The looks of the frame and of text: one accent colour, dark and light by the reader's own setting, from
// a phone's width up. Served as a file of our own, because the content security policy takes no other.

/** Style sheet of the frame, text and forms. */
export const frameStyle = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --surface: #ffffff; --sunken: #eef1f4; --line: #dce1e7; --line-strong: #868f9b;
  --text: #18202a; --muted: #55606e; --accent: #0a5fb4; --accent-ground: #e5f0fb; --on-accent: #ffffff;
  --good: #14693a; --good-ground: #e2f4e9; --bad: #a8231d; --bad-ground: #fdeae8;
  --warn: #7d5200; --warn-ground: #fdf1d6; --plain-ground: #e9edf1;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace;
  --radius: 10px; --gap: 1.25rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10151b; --surface: #181f27; --sunken: #121920; --line: #2a343f; --line-strong: #76818e;
    --text: #e6ebf1; --muted: #a0abb8; --accent: #74b4f5; --accent-ground: #17304a; --on-accent: #0b1117;
    --good: #76d39b; --good-ground: #14301f; --bad: #ff9d94; --bad-ground: #3d1b19;
    --warn: #efc46b; --warn-ground: #362a10; --plain-ground: #26303a;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
body { margin: 0; background: var(--ground); color: var(--text); }
a { color: var(--accent); text-underline-offset: .18em; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
h1, h2, h3, p, dl, figure, ul, ol { margin: 0; }
h1 { font-size: 1.55rem; line-height: 1.25; letter-spacing: -.012em; font-weight: 650; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; line-height: 1.35; font-weight: 650; }
h3 { font-size: .95rem; font-weight: 650; }
code, .mono { font-family: var(--mono); font-size: .88em; overflow-wrap: anywhere; }
small, .muted { color: var(--muted); font-size: .9rem; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.nowrap { white-space: nowrap; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 1rem; top: -4rem; background: var(--surface); padding: .5rem 1rem; z-index: 9; border-radius: 6px; }
.skip:focus { top: 1rem; }

.frame { display: grid; grid-template-columns: 15.5rem minmax(0, 1fr); min-height: 100vh; }
.side { border-right: 1px solid var(--line); background: var(--surface); padding: 1.1rem .8rem; display: flex; flex-direction: column; gap: 1.1rem; position: sticky; top: 0; height: 100vh; overflow-y: auto; }
.brand { display: flex; gap: .65rem; align-items: center; color: var(--text); text-decoration: none; font-weight: 650; padding: 0 .5rem; line-height: 1.2; }
.brand svg { width: 30px; height: 30px; flex: none; }
.brand .tile { fill: var(--accent); } .brand .mark { stroke: var(--on-accent); fill: none; stroke-width: 2.2; stroke-linecap: round; stroke-linejoin: round; }
.nav ul { list-style: none; padding: 0; display: grid; gap: 2px; }
.nav a { display: block; padding: .42rem .7rem; border-radius: 7px; color: var(--text); text-decoration: none; }
.nav a:hover { background: var(--sunken); }
.nav a[aria-current] { background: var(--accent-ground); color: var(--accent); font-weight: 600; }
.person { margin-top: auto; padding: .8rem .5rem 0; border-top: 1px solid var(--line); display: grid; gap: .5rem; font-size: .9rem; overflow-wrap: anywhere; }
main { padding: 1.8rem clamp(1rem, 3vw, 2.6rem) 3rem; display: grid; gap: var(--gap); align-content: start; max-width: 84rem; width: 100%; }
.head { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; justify-content: space-between; }
.head > div { display: grid; gap: .3rem; min-width: 0; }
.lead { color: var(--muted); max-width: 62ch; }
.crumbs { font-size: .9rem; color: var(--muted); }
.search { display: flex; gap: .4rem; padding: 0 .2rem; }
.search input { flex: 1; min-width: 0; }
.search button { padding-inline: .7rem; font-weight: 450; }

.card { background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius); padding: 1.1rem 1.2rem; display: grid; gap: .9rem; min-width: 0; align-content: start; }
.card > * { min-width: 0; }
.card.flush { padding: 0; gap: 0; overflow: hidden; }
.card.flush > header, .card.flush > .pager { padding: .95rem 1.2rem; }
.card header { display: flex; flex-wrap: wrap; gap: .3rem 1rem; justify-content: space-between; align-items: baseline; }
.grid { display: grid; gap: var(--gap); grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
.figures { display: grid; gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.figures > div { background: var(--surface); padding: .95rem 1.1rem; display: flex; flex-direction: column; gap: .1rem; }
.figures dt { color: var(--muted); font-size: .87rem; } .figures dd { margin: 0; font-size: 1.5rem; font-weight: 620; letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
.figures dd small { font-size: .85rem; font-weight: 400; letter-spacing: 0; display: block; }

form.fields { display: flex; flex-wrap: wrap; gap: .8rem; align-items: end; }
form.stacked { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 13rem), 1fr)); align-items: end; }
label.field { display: grid; gap: .25rem; font-size: .87rem; color: var(--muted); min-width: 0; }
label.check { display: flex; gap: .5rem; align-items: baseline; }
input, select, button, .button { font: inherit; color: var(--text); }
input:not([type=checkbox]), select { background: var(--surface); border: 1px solid var(--line-strong); border-radius: 7px; padding: .42rem .6rem; width: 100%; min-height: 2.4rem; }
::placeholder { color: var(--muted); opacity: 1; }
button, .button { background: var(--surface); border: 1px solid var(--line-strong); border-radius: 7px; padding: .42rem .9rem; min-height: 2.4rem; cursor: pointer; text-decoration: none; display: inline-block; font-weight: 550; }
button:hover, .button:hover { background: var(--sunken); }
button.main, .button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.main:hover, .button.main:hover { filter: brightness(1.08); }
button.quiet { border-color: var(--line); min-height: 0; padding: .2rem .6rem; font-weight: 400; font-size: .9rem; justify-self: start; }
button.danger { border-color: var(--bad); color: var(--bad); }

.alone { min-height: 100vh; display: grid; place-items: center; padding: 1.2rem; }
.alone main { max-width: 27rem; padding: 0; }
.alone .card { padding: 2rem; gap: 1.1rem; }
.alone .brand { padding: 0; }
footer.page { color: var(--muted); font-size: .85rem; }

@media (max-width: 56rem) {
  .frame { grid-template-columns: minmax(0, 1fr); }
  .side { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); padding: .8rem; gap: .7rem; }
  .nav { overflow-x: auto; } .nav ul { display: flex; } .nav a { white-space: nowrap; }
  .person { border-top: 0; padding: 0 .5rem; margin: 0; display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; }
  main { padding-top: 1.2rem; }
  .less { display: none; }
}
@media (prefers-reduced-motion: no-preference) { .nav a, button, .button { transition: background-color .12s; } }
@media print { .side, .pager, form { display: none; } .frame { display: block; } }
`
