// The looks of tables, chips, timelines and plots.

/** Style sheet of the parts of pages. */
export const partsStyle = `
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
caption { text-align: left; }
th { text-align: left; font-size: .82rem; font-weight: 550; color: var(--muted); white-space: nowrap; }
th, td { padding: .55rem .7rem; vertical-align: top; border-top: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 1.2rem; } th:last-child, td:last-child { padding-right: 1.2rem; }
th.num { text-align: right; }
thead th { border-top: 1px solid var(--line); background: var(--sunken); }
tbody tr:hover { background: color-mix(in srgb, var(--sunken) 60%, transparent); }
tbody th { font-size: inherit; color: inherit; font-weight: 550; white-space: normal; }
th small, td small, .heat small { display: block; font-weight: 400; }
dd time small, .note time small { margin-left: .6em; }
td .meter { margin-top: .5em; }
.pager { display: flex; gap: .6rem; align-items: center; justify-content: space-between; border-top: 1px solid var(--line); }

.chip { display: inline-flex; gap: .35em; align-items: center; border-radius: 99px; padding: .08rem .6rem; font-size: .82rem; font-weight: 550; background: var(--plain-ground); color: var(--text); white-space: nowrap; }
.chip.good { background: var(--good-ground); color: var(--good); } .chip.bad { background: var(--bad-ground); color: var(--bad); }
.chip.warn { background: var(--warn-ground); color: var(--warn); } .chip.accent { background: var(--accent-ground); color: var(--accent); }
.chips { display: flex; flex-wrap: wrap; gap: .35rem; }
.note { border-radius: var(--radius); padding: .8rem 1.1rem; border: 1px solid var(--line); background: var(--surface); display: grid; gap: .2rem; }
.note.good { background: var(--good-ground); border-color: transparent; color: var(--good); } .note.bad { background: var(--bad-ground); border-color: transparent; color: var(--bad); }
.note.warn { background: var(--warn-ground); border-color: transparent; color: var(--warn); } .note p { color: var(--text); }
.empty { padding: 2.2rem 1.2rem; text-align: center; color: var(--muted); display: grid; gap: .3rem; justify-items: center; border-top: 1px solid var(--line); }
.empty strong { color: var(--text); } .card:not(.flush) > .empty { border-top: 0; padding: 1rem 0; }
.list { padding: 0; list-style: none; display: grid; gap: .6rem; }
.list li { display: grid; gap: .1rem; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .4rem 1.2rem; font-size: .93rem; }
.facts dt { color: var(--muted); } .facts dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) { .facts { grid-template-columns: minmax(0, 1fr); gap: .05rem; } .facts dd { margin-bottom: .5rem; } }
.id { user-select: all; }
.copy { border: 0; background: none; color: var(--accent); min-height: 0; padding: 0 .3rem; font-size: .82rem; font-weight: 400; }
pre { margin: 0; background: var(--sunken); border-radius: 7px; padding: .7rem .9rem; overflow-x: auto; font: .85rem/1.5 var(--mono); }
details > summary { cursor: pointer; color: var(--muted); font-size: .87rem; }

.timeline { list-style: none; padding: 0; display: grid; }
.timeline > li { display: grid; grid-template-columns: 1.6rem minmax(0, 1fr); gap: .2rem .6rem; padding-bottom: 1.3rem; position: relative; }
.timeline > li::before { content: ""; width: .8rem; height: .8rem; border-radius: 99px; margin: .38rem .3rem; background: var(--surface); border: 3px solid var(--line-strong); z-index: 1; }
.timeline > li:not(:last-child)::after { content: ""; position: absolute; left: .66rem; top: 1.1rem; bottom: -.4rem; width: 2px; background: var(--line); }
.timeline > .allow::before { border-color: var(--good); } .timeline > .deny::before { border-color: var(--bad); background: var(--bad); }
.timeline .what { display: flex; flex-wrap: wrap; gap: .2rem .7rem; align-items: baseline; }
.timeline .facts { padding: .5rem 0 .2rem; font-size: .88rem; }
.timeline .body { display: grid; gap: .45rem; min-width: 0; }

figure { display: grid; gap: .4rem; min-width: 0; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .2rem 1rem; align-items: baseline; }
.plot { width: 100%; height: 7.5rem; display: block; border-bottom: 1px solid var(--line-strong); }
.plot .bar { fill: var(--accent); } .plot .bar.bad { fill: var(--bad); } .plot .rule { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.axis { display: flex; justify-content: space-between; font-size: .8rem; color: var(--muted); font-variant-numeric: tabular-nums; }
.heat { display: grid; gap: .55rem; } .heat .row { display: grid; grid-template-columns: minmax(9rem, 16rem) minmax(0, 1fr) 3.5rem; gap: .7rem; align-items: center; }
.heat .name { overflow-wrap: anywhere; font-size: .88rem; line-height: 1.3; }
.heat svg { width: 100%; height: 1.25rem; display: block; } .heat rect { fill: var(--bad); } .heat .h0 { fill: var(--sunken); }
.heat .h1 { opacity: .25; } .heat .h2 { opacity: .45; } .heat .h3 { opacity: .7; } .heat .h4 { opacity: 1; }
.meter { width: 100%; height: .5rem; display: block; } .meter .whole { fill: var(--sunken); } .meter .part { fill: var(--accent); }
@media (max-width: 40rem) { .heat .row { grid-template-columns: minmax(0, 1fr) 3.5rem; } .heat .row svg { grid-column: 1 / -1; grid-row: 2; } }
`
