"""The type and layout of the page of a simulation."""

PAGE = """
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 24px 16px 64px; background: var(--paper);
  color: var(--ink); font: 16px/1.5 ui-sans-serif, system-ui, sans-serif; }
h1 { font-size: 1.95rem; font-weight: 650; line-height: 1.2; margin: 0 0 8px; }
h2 { font-size: 1.25rem; font-weight: 650; margin: 40px 0 8px; }
h3 { font-size: 1rem; font-weight: 650; margin: 24px 0 8px; }
p { max-width: 72ch; margin: 0 0 8px; }
.quiet { color: var(--quiet); }
.wide { overflow-x: auto; }
svg { display: block; max-width: 100%; height: auto; }
table { border-collapse: collapse; background: var(--raised); border: 1px solid var(--line);
  border-radius: 10px; }
th, td { padding: 4px 16px; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
tr:last-child td { border-bottom: 0; }
td { font-family: ui-monospace, monospace; font-variant-numeric: tabular-nums; }
td:first-child { font-family: inherit; }
td.best { color: var(--good); font-weight: 650; }
code { font-family: ui-monospace, monospace; font-size: 0.9em; overflow-wrap: anywhere; }
details { background: var(--raised); border: 1px solid var(--line); border-radius: 10px;
  padding: 8px 16px; margin: 8px 0; }
summary { cursor: pointer; font-weight: 650; }
:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px; }
ol { padding-left: 0; list-style: none; margin: 8px 0; }
li { margin: 8px 0; }
li b { font-family: ui-monospace, monospace; font-weight: 650; }
"""
