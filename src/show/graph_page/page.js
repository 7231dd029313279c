
// The page as a person uses it: opening, picking, searching, filtering, moving about, printing.

function toggleHost(host) {
  if (isPickedHost(host) && isOpen(host)) {
    toggledHosts[opensAtFirst(host) ? "add" : "delete"](host);
    hitHosts.delete(host);
    choose("");
    return;
  }
  if (hitHosts.delete(host)) {
    toggledHosts[opensAtFirst(host) ? "add" : "delete"](host);
  } else if (!toggledHosts.delete(host)) {
    toggledHosts.add(host);
  }
  update(host);
}

function toggleGroup(g) {
  if (!toggledGroups.delete(g)) toggledGroups.add(g);
  update(groups[g].hosts[0]);
}

function showSummary() {
  const all = hosts.length - groups.filter((group) => group.name === "").length;
  const part = filter.size > 0 ? `${steps.filter((_, i) => matchesFilter(i)).length} of ` : "";
  const about = data.around ? ` around ${data.around}` : "";
  element("summary").textContent = `${part}${count(steps.length, "step")}${about} on ${count(all, "host")}, ${data.at}`;
  const button = element("toggle-rows");
  button.hidden = groups.every((group) => group.hosts.length === 1);
  button.textContent = hosts.some((_, host) => bandOfHost.get(host)?.host === host && isOpen(host) && !isAlone(host)) ? "close hosts" : "open hosts";
}

// ---- Picking.

// The hash is what is picked: links, the buttons of the browser and a saved address all do the same.
function goTo(hash) {
  if (location.hash === hash) {
    followHash();
  } else {
    location.hash = hash; // and followHash() by its event
  }
}

const choose = (label) => goTo(label ? hashOf(label) : "");

function followHash() {
  const match = /^#(label|alike)=(.*)$/.exec(location.hash);
  let label = "";
  try {
    label = match ? decodeURIComponent(match[2]) : "";
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    label = match[2];
  }
  const before = picked;
  const first = byLabel.get(label);
  picked = first === undefined ? [] : [first];
  if (first !== undefined && match[1] === "alike") {
    const { items } = itemsOfGroup(groupOfHost[steps[first].host]);
    picked = items.find((item) => item.steps.includes(first)).steps;
  }
  pickedSet = new Set(picked);
  chain = picked.length > 0 ? chainOf(picked) : NO_CHAIN;
  const anchor = picked.length > 0 ? picked[0] : before[0];
  showDetails(label);
  update(anchor === undefined ? undefined : steps[anchor].host);
  if (picked.length > 0) showStep(picked[0]);
}

// ---- Searching and filtering.

const rankOfHost = [];
groups.flatMap((group) => group.hosts).forEach((host, n) => { rankOfHost[host] = n; });

function search() {
  words = element("search").value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  hits = [];
  hit = -1;
  if (isAsked()) steps.forEach((_, i) => { if (isMatch(i)) hits.push(i); });
  // In the order in which they stand there: by host, then from left to right.
  hits.sort((a, b) => rankOfHost[steps[a].host] - rankOfHost[steps[b].host] || steps[a].column - steps[b].column || a - b);
  hitHosts = new Set(hits.length <= OPEN_HITS ? hits.map((i) => steps[i].host) : []);
  showHits();
  update(0);
}

function showHits() {
  const many = count(hits.length, "hit");
  element("hits").textContent = words.length === 0 ? "" : hit < 0 ? many : `${hit + 1} of ${many}`;
}

function jump(by) {
  if (words.length === 0 || hits.length === 0) return;
  hit = hit < 0 ? (by > 0 ? 0 : hits.length - 1) : (hit + by + hits.length) % hits.length;
  showHits();
  choose(steps[hits[hit]].label);
}

function clear() {
  if (element("search").value !== "") {
    element("search").value = "";
    search();
  } else if (picked.length > 0 || location.hash !== "") {
    choose("");
  } else if (filter.size > 0) {
    filter.clear();
    showFilter();
  }
}

// The legend is the filter. What there is none of says so quietly, and cannot be asked for.
const legend = new Map();

function addToLegend(word, text, many, className) {
  const button = make("button", `${text} ${many}`, many > 0 ? className : "none");
  button.type = "button";
  button.disabled = many === 0;
  button.dataset.word = word;
  button.dataset.count = `${many}`;
  button.addEventListener("click", () => {
    if (!filter.delete(word)) filter.add(word);
    showFilter();
  });
  legend.set(word, element("legend").appendChild(button));
}

const everyStep = steps.map((_, i) => i);
for (const state of ["stale", "failed", "waiting", "unknown", "fresh"]) {
  addToLegend(state, `${MARKS[state]}${state}`, steps.filter((step) => step.state === state).length, `state ${state}`);
}
for (const effect of EFFECTS) {
  const many = countEffect(everyStep, effect);
  if (many > 0 || effect === "restart") addToLegend(effect, effect, many, `effect ${effect}`);
}

function showFilter() {
  for (const [word, button] of legend) button.setAttribute("aria-pressed", filter.has(word));
  search();
  if (filter.size > 0) fit();
}

// ---- Mouse, fingers and keys.

const touches = new Map(); // the pointers that are down, as {x, y}
let moved = false; // since the first of them came: then it is no click

graph.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  if (touches.size === 0) moved = false;
  touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
});

graph.addEventListener("pointermove", (event) => {
  const before = touches.get(event.pointerId);
  if (before === undefined) return;
  const now = { x: event.clientX, y: event.clientY };
  if (!moved && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
  if (!moved) graph.setPointerCapture(event.pointerId);
  moved = true;
  touches.set(event.pointerId, now);
  if (touches.size === 1) {
    panBy(now.x - before.x, now.y - before.y);
    return;
  }
  const [other] = [...touches].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
  const frame = graph.getBoundingClientRect();
  const distance = (at) => Math.max(1, Math.hypot(at.x - other.x, at.y - other.y));
  zoomAt(distance(now) / distance(before), (now.x + other.x) / 2 - frame.x, (now.y + other.y) / 2 - frame.y);
});

for (const end of ["pointerup", "pointercancel"]) graph.addEventListener(end, (event) => touches.delete(event.pointerId));

graph.addEventListener("click", (event) => {
  if (moved) return;
  const box = event.target.closest(".box");
  if (box === null) {
    if (picked.length > 0) choose("");
  } else if (box.dataset.step === undefined) {
    const band = bands.find((each) => each.id === box.dataset.band);
    if (band.host !== undefined) toggleHost(band.host);
    else toggleGroup(band.group);
  } else if (box.dataset.alike === undefined) {
    choose(steps[box.dataset.step].label);
  } else {
    goTo(hashOfAlike(steps[box.dataset.step].label));
  }
});

// A wheel scrolls, as everywhere; with Ctrl it zooms.
graph.addEventListener("wheel", (event) => {
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? graph.clientHeight : 1;
  if (event.ctrlKey) {
    const frame = graph.getBoundingClientRect();
    zoomAt(Math.exp(-event.deltaY * unit / 400), event.clientX - frame.x, event.clientY - frame.y);
    return;
  }
  const [x, y] = event.shiftKey ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
  panBy(-x * unit, -y * unit);
}, { passive: false });

// Along the edges to the left and the right, and up and down among the steps of a column.
function nextOf(key) {
  const [first] = picked;
  if (key === "ArrowLeft") return [...steps[first].inputs, ...steps[first].after][0];
  if (key === "ArrowRight") return users[first].map((user) => user[0])[0];
  const column = everyStep.filter((i) => steps[i].column === steps[first].column && boxOf(i) !== undefined);
  column.sort((a, b) => placeOf(a).y - placeOf(b).y || a - b);
  return column[column.indexOf(first) + (key === "ArrowUp" ? -1 : 1)];
}

graph.addEventListener("keydown", (event) => {
  const pages = { PageUp: 1, PageDown: -1 }[event.key];
  const lines = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (pages) {
    panBy(0, pages * graph.clientHeight * 0.8);
  } else if (lines && picked.length > 0) {
    const next = nextOf(event.key);
    if (next !== undefined) choose(steps[next].label);
  } else if (lines) {
    panBy(lines[0] * 60, lines[1] * 60);
  } else if (event.key === "Home") {
    fit();
  } else {
    return;
  }
  event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    event.preventDefault();
    clear();
  } else if (event.key === "/" && document.activeElement !== element("search")) {
    event.preventDefault();
    element("search").focus();
  }
});

element("search").addEventListener("input", search);
element("search").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  jump(event.shiftKey ? -1 : 1);
});
element("search-form").addEventListener("submit", (event) => event.preventDefault());

const zoomBy = (factor) => zoomAt(factor, (graph.clientWidth + gutter) / 2, graph.clientHeight / 2);
element("zoom-in").addEventListener("click", () => zoomBy(1.25));
element("zoom-out").addEventListener("click", () => zoomBy(0.8));
element("fit").addEventListener("click", fit);

element("toggle-rows").addEventListener("click", () => {
  const open = element("toggle-rows").textContent === "open hosts";
  hitHosts.clear();
  toggledHosts.clear();
  toggledGroups.clear();
  groups.forEach((group, g) => {
    if (group.hosts.length === 1) return;
    if (open !== isSpread(g)) toggledGroups.add(g);
    for (const host of group.hosts) if (open !== isOpen(host)) toggledHosts.add(host);
  });
  if (picked.length > 0 && !open) choose("");
  update(0);
});

// ---- Printing, and the beginning.

window.addEventListener("beforeprint", toPaper);
window.addEventListener("afterprint", fromPaper);

let lastWidth = 0;
new ResizeObserver(() => {
  if (onPaper) return;
  // A window of another width is another view; the details beside the picture are not.
  const isAnother = lastWidth !== 0 && window.innerWidth !== lastWidth;
  lastWidth = window.innerWidth;
  if (isAnother) fit();
  else show();
}).observe(graph);
window.addEventListener("hashchange", followHash);

element("plan").textContent = data.title || "kplan graph";
showFilter();
followHash();
fit();
if (picked.length > 0) showStep(picked[0]);
document.documentElement.dataset.ready = "true";
