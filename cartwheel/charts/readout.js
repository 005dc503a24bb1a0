"use strict";
// Shows the values at the pointer, or at a cursor that the arrow keys move.
(() => {
  const [steps, ...others] = JSON.parse(document.getElementById("figures").textContent);
  const charts = document.querySelector(".charts");
  const plot = charts.querySelector(".plot");
  const cursor = charts.querySelector(".cursor");
  const readout = document.getElementById("readout");
  let shown = -1;

  // The card of a decision says why: each sentence is in the page once, in the list.
  for (const mark of charts.querySelectorAll(".mark")) {
    const why = document.querySelector(`${mark.hash} .why`);
    mark.querySelector(".why").append(...why.cloneNode(true).childNodes);
  }

  const inWords = (words, values) =>
    words.map((one, n) => (values[n] === null ? "" : one.replace("{}", () => values[n]))).filter(Boolean);

  function show(index) {
    shown = Math.min(Math.max(index, 0), steps.rows.length - 1);
    const [share, ...values] = steps.rows[shown];
    const parts = inWords(steps.words, values);
    for (const { words, rows } of others) {
      const row = rows.filter(([at]) => at <= share).pop() || rows[0];
      if (row) parts.push(...inWords(words, row.slice(1)));
    }
    readout.textContent = parts.join(" · ");
    cursor.hidden = false;
    cursor.style.left = `${plot.offsetLeft + share * plot.clientWidth}px`;
  }

  charts.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    if (share < 0 || share > 1) return;
    const after = steps.rows.findIndex(([at]) => at >= share);
    show(after < 0 ? steps.rows.length - 1 : after);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement.matches(".mark")) document.activeElement.blur();
  });
  charts.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (event.target !== charts) return;
    if (step) show(shown + step);
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(steps.rows.length - 1);
    else return;
    event.preventDefault();
  });
})();
