"use strict";
// Shows the values at the pointer, or at a cursor that the arrow keys move.
(() => {
  const { rows, replicas, service } = JSON.parse(document.getElementById("figures").textContent);
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

  const countsAt = (share) => replicas.filter(([at]) => at <= share).pop() || replicas[0];

  function show(index) {
    shown = Math.min(Math.max(index, 0), rows.length - 1);
    const [share, seconds, asked, achieved, p50, p95, p99, lost] = rows[shown];
    const parts = [`${seconds} s`, `asked ${asked}/s`, `achieved ${achieved}/s`];
    if (p50 !== null) parts.push(`p50 ${p50} ms`, `p95 ${p95} ms`, `p99 ${p99} ms`);
    parts.push(`failed ${lost}`);
    const counts = countsAt(share);
    if (counts) {
      const [, desired, ready, serving] = counts;
      parts.push(`${service}: desired ${desired}, ready ${ready}, serving ${serving}`);
    }
    readout.textContent = parts.join(" · ");
    cursor.hidden = false;
    cursor.style.left = `${plot.offsetLeft + share * plot.clientWidth}px`;
  }

  charts.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    if (share < 0 || share > 1) return;
    const after = rows.findIndex(([at]) => at >= share);
    show(after < 0 ? rows.length - 1 : after);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement.matches(".mark")) document.activeElement.blur();
  });
  charts.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (event.target !== charts) return;
    if (step) show(shown + step);
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(rows.length - 1);
    else return;
    event.preventDefault();
  });
})();
