
"use strict";

// Draws the graph of `kplan graph --format=html`. What the words of the data mean is in src/show/graph_html.cc. The
// places are kplan's (columns and slots); here they only become pixels, because a host can be open or closed.
//
// Text of the data gets into the page as textContent and into the canvas, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { steps, hosts, columns } = data;

  const STATES = ["stale", "failed", "waiting", "unknown", "fresh"];
  const MARKS = { stale: "\u21bb ", failed: "\u2715 ", waiting: "\u2026 ", unknown: "? ", fresh: "" };
  // With more steps than this, hosts are closed at first: one row of cells each.
  const COMPACT_ABOVE = 150;
  // So many hits of a search open their hosts by themselves.
  const OPEN_HITS = 60;
  const LINKS_SHOWN = 100;

  const SLOT = 32; // pixels at zoom 1, all of these
  const BOX_HEIGHT = 24;
  const ROW_PADDING = 8;
  const CLOSED_ROW = 30;
  const ROW_GAP = 4;
  const WIDTH = columns.reduce((end, column) => Math.max(end, column.x + column.width / 2), 0);

  const element = (id) => document.getElementById(id);
  const make = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

  // ---- What follows from the data.

  const users = steps.map(() => []); // [step, order only]
  const rows = hosts.map((name) => ({ name, cells: new Map(), steps: [] }));
  const byLabel = new Map();
  steps.forEach((step, i) => {
    byLabel.set(step.label, i);
    step.text = `${step.label} ${hosts[step.host]} ${step.verb}`.toLowerCase();
    for (const input of step.inputs) users[input].push([i, false]);
    for (const input of step.after) users[input].push([i, true]);
    const row = rows[step.host];
    row.steps.push(i);
    if (!row.cells.has(step.column)) row.cells.set(step.column, []);
    row.cells.get(step.column).push(i);
  });
  for (const row of rows) {
    row.slots = Math.max(...[...row.cells.values()].map((cell) => cell.length));
  }
  const compact = steps.length > COMPACT_ABOVE;

  // ---- What the person has chosen.

  let selected = -1;
  let chain = { causes: new Set(), dependents: new Set(), near: new Set() };
  const filter = new Set(); // states; empty: all
  let words = [];
  let hits = [];
  let hit = -1; // index into hits
  const toggled = new Set(); // rows that are not as they were at first
  let hitRows = new Set();

  const matchesFilter = (i) => filter.size === 0 || filter.has(steps[i].state);
  const matchesSearch = (i) => words.every((word) => steps[i].text.includes(word));
  const isOpen = (row) =>
    toggled.has(row) !== !compact || hitRows.has(row) || (selected >= 0 && steps[selected].host === row);

  // The steps that are to blame when one is not fresh: those before it that are not fresh either. And all that
  // becomes stale with it.
  function chainOf(start) {
    const causes = new Set();
    const dependents = new Set();
    const walk = (found, next) => {
      const waiting = [start];
      while (waiting.length > 0) {
        for (const i of next(waiting.pop())) {
          if (i === start || found.has(i)) continue;
          found.add(i);
          waiting.push(i);
        }
      }
    };
    // Order alone makes nothing stale, but it makes a step wait.
    walk(causes, (i) => {
      const before = steps[i].state === "fresh" ? [] : [...steps[i].inputs];
      if (steps[i].state === "waiting") before.push(...steps[i].after);
      return before.filter((input) => steps[input].state !== "fresh");
    });
    walk(dependents, (i) => users[i].filter((user) => !user[1]).map((user) => user[0]));
    const near = new Set([...steps[start].inputs, ...steps[start].after, ...users[start].map((user) => user[0])]);
    return { causes, dependents, near };
  }

  // ---- Where things stand.

  let tops = []; // of each row; one more: the end
  let heights = []; // 0: hidden by the filter

  function placeRows() {
    tops = [];
    heights = [];
    let y = 0;
    rows.forEach((row, r) => {
      const shown = filter.size === 0 || row.steps.some(matchesFilter) || (selected >= 0 && steps[selected].host === r);
      const height = !shown ? 0 : isOpen(r) ? row.slots * SLOT + 2 * ROW_PADDING : CLOSED_ROW;
      tops.push(y);
      heights.push(height);
      if (shown) y += height + ROW_GAP;
    });
    tops.push(y);
  }

  const placeOf = (i) => ({
    x: columns[steps[i].column].x,
    y: tops[steps[i].host] + ROW_PADDING + steps[i].slot * SLOT + SLOT / 2,
  });

  // ---- The drawing.

  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function styleSheet() {
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(`--${name}`).trim();
    const state = (name) => ({ "background-color": colour(name), "border-color": colour(`${name}-line`) });
    return [
      {
        selector: "node",
        style: {
          shape: "round-rectangle",
          width: "data(width)",
          height: "data(height)",
          label: "data(name)",
          color: colour("text"),
          "font-family": '"DejaVu Sans Mono", ui-monospace, Menlo, Consolas, monospace',
          "font-size": 11,
          "text-valign": "center",
          "text-halign": "center",
          "min-zoomed-font-size": 5,
          "border-width": 1.2,
          "overlay-opacity": 0,
          "z-index-compare": "manual",
          "z-index": 3,
        },
      },
      {
        selector: ".row",
        style: { "background-color": colour("bar"), "border-width": 0, events: "no", "z-index": 0, label: "" },
      },
      { selector: ".fresh", style: state("fresh") },
      { selector: ".stale", style: { ...state("stale"), "border-width": 2 } },
      { selector: ".failed", style: { ...state("failed"), "border-width": 4, "border-style": "double" } },
      { selector: ".waiting", style: { ...state("waiting"), "border-style": "dashed" } },
      { selector: ".unknown", style: { ...state("unknown"), "border-style": "dotted" } },
      { selector: ".cell", style: { shape: "rectangle" } },
      {
        selector: "edge",
        style: {
          width: 1.2,
          "line-color": colour("edge"),
          "target-arrow-color": colour("edge"),
          "target-arrow-shape": "triangle",
          "arrow-scale": 0.7,
          "curve-style": "unbundled-bezier",
          "source-endpoint": "50% 0%",
          "target-endpoint": "-50% 0%",
          "edge-distances": "endpoints",
          "control-point-distances": "data(distances)",
          "control-point-weights": "data(weights)",
          events: "no",
          "z-index-compare": "manual",
          "z-index": 1,
        },
      },
      { selector: "edge.same", style: { "source-endpoint": "-50% 0%" } },
      { selector: "edge.order", style: { "line-style": "dashed" } },
      { selector: "edge.cause", style: { "line-color": colour("stale-line"), "target-arrow-color": colour("stale-line"), width: 2.4, "z-index": 2 } },
      { selector: "edge.dependent", style: { "line-color": colour("focus"), "target-arrow-color": colour("focus"), width: 2, "z-index": 2 } },
      { selector: "node.cause", style: { "outline-width": 2, "outline-color": colour("stale-line"), "outline-offset": 2 } },
      { selector: "node.dependent", style: { "outline-width": 2, "outline-color": colour("focus"), "outline-offset": 2, "outline-style": "dotted" } },
      { selector: ".faded", style: { opacity: 0.4 } },
      { selector: "node.hit", style: { "outline-width": 2, "outline-color": colour("text"), "outline-offset": 1 } },
      { selector: "node.selected", style: { "outline-width": 4, "outline-color": colour("focus"), "outline-offset": 1, "font-weight": "bold" } },
    ];
  }

  const board = element("board");
  const cy = cytoscape({
    container: element("graph"),
    style: styleSheet(),
    layout: { name: "preset" },
    minZoom: 0.05,
    maxZoom: 4,
    autoungrabify: true,
    boxSelectionEnabled: false,
    selectionType: "single",
  });
  dark.addEventListener("change", () => cy.style(styleSheet()));

  const isMatch = (i) => matchesFilter(i) && (words.length === 0 || matchesSearch(i));
  const inChain = (i) => i === selected || chain.causes.has(i) || chain.dependents.has(i) || chain.near.has(i);

  // The classes of a box that stands for LIST, of one or more steps.
  function classesOf(list) {
    const classes = [STATES.find((state) => list.some((i) => steps[i].state === state))];
    const asked = filter.size > 0 || words.length > 0;
    if (asked || selected >= 0) {
      const wanted = (i) => (asked && isMatch(i)) || (selected >= 0 && inChain(i));
      if (!list.some(wanted)) classes.push("faded");
    }
    if (words.length > 0 && list.some((i) => isMatch(i))) classes.push("hit");
    if (list.some((i) => chain.dependents.has(i))) classes.push("dependent");
    if (list.some((i) => chain.causes.has(i))) classes.push("cause");
    if (list.includes(selected)) classes.push("selected");
    return classes;
  }

  // "12", "3 of 12": how many of a closed cell's steps are in the worst state.
  function cellName(list) {
    const state = STATES.find((each) => list.some((i) => steps[i].state === each));
    const many = list.filter((i) => steps[i].state === state).length;
    return MARKS[state] + (many === list.length ? `${many}` : `${many} of ${list.length}`);
  }

  // The boxes of row R, as {id: {data, position, classes}}.
  function addRow(r, wanted) {
    const row = rows[r];
    const middle = tops[r] + heights[r] / 2;
    wanted.set(`r${r}`, {
      data: { width: WIDTH + 24, height: heights[r], name: "" },
      position: { x: WIDTH / 2, y: middle },
      classes: ["row"],
    });
    if (isOpen(r)) {
      for (const i of row.steps) {
        wanted.set(`s${i}`, {
          data: { width: columns[steps[i].column].width, height: BOX_HEIGHT, name: MARKS[steps[i].state] + steps[i].name, step: i },
          position: placeOf(i),
          classes: classesOf([i]),
        });
      }
      return;
    }
    for (const [column, list] of row.cells) {
      wanted.set(`c${r}.${column}`, {
        data: { width: columns[column].width, height: BOX_HEIGHT - 2, name: cellName(list), row: r },
        position: { x: columns[column].x, y: middle },
        classes: ["cell", ...classesOf(list)],
      });
    }
  }

  // The edges between what is drawn: all of open hosts, and of closed ones those of the chain that is shown.
  function addEdges(drawnRows, wanted) {
    const boxOf = (i) => {
      const r = steps[i].host;
      return !drawnRows.has(r) ? "" : isOpen(r) ? `s${i}` : `c${r}.${steps[i].column}`;
    };
    const add = (from, to, order) => {
      const source = boxOf(from);
      const target = boxOf(to);
      if (!source || !target || source === target) return;
      const cause = (i) => i === selected || chain.causes.has(i);
      const dependent = (i) => i === selected || chain.dependents.has(i);
      const isCause = cause(from) && cause(to) && (!order || steps[to].state === "waiting");
      const isDependent = !order && dependent(from) && dependent(to);
      const shown = isCause || isDependent || from === selected || to === selected;
      if (!shown && !isOpen(steps[from].host) && !isOpen(steps[to].host)) return;
      const id = `e${source}-${target}`;
      const known = wanted.get(id);
      const classes = known ? new Set(known.classes) : new Set(order ? ["order"] : []);
      if (!order) classes.delete("order");
      if (isCause) classes.add("cause");
      if (isDependent) classes.add("dependent");
      const asked = selected >= 0 || filter.size > 0 || words.length > 0;
      if (asked && !shown) classes.add("faded");
      if (shown) classes.delete("faded");
      if (steps[from].column === steps[to].column) classes.add("same");
      const bend = bendOf(wanted.get(source), wanted.get(target), classes.has("same"));
      wanted.set(id, { data: { source, target, ...bend }, classes: [...classes] });
    };
    const sources = new Set(selected >= 0 ? [selected, ...chain.causes, ...chain.dependents] : []);
    for (const r of drawnRows) {
      if (isOpen(r)) for (const i of rows[r].steps) sources.add(i);
    }
    for (const i of sources) {
      for (const input of steps[i].inputs) add(input, i, false);
      for (const input of steps[i].after) add(input, i, true);
      for (const [user, order] of users[i]) add(i, user, order);
    }
  }

  // The two points towards which an edge leaves and arrives level: an S; within a column a bow on its left side.
  // Cytoscape takes them as a part of the way from end to end, and a distance from that line.
  function bendOf(a, b, same) {
    const dx = b.position.x - b.data.width / 2 - (a.position.x + (same ? -1 : 1) * a.data.width / 2);
    const dy = b.position.y - a.position.y;
    const square = dx * dx + dy * dy || 1;
    const length = Math.sqrt(square);
    const reach = same ? 22 : Math.max(16, Math.min(70, dx / 2));
    const along = reach * dx / square;
    const aside = reach * dy / length;
    return same
      ? { weights: [0, 1], distances: [aside, aside] }
      : { weights: [along, 1 - along], distances: [-aside, aside] };
  }

  const drawn = new Map(); // id -> what is drawn, as text
  let drawnRange = "";

  // Draws the rows in sight, the first one (what hosts share), and the one of the selected step; removes the others.
  function draw(always) {
    const extent = cy.extent();
    const margin = (extent.y2 - extent.y1) / 2;
    const inSight = (r) => heights[r] > 0 && tops[r] + heights[r] >= extent.y1 - margin && tops[r] <= extent.y2 + margin;
    const list = rows.map((_, r) => r).filter(
      (r) => inSight(r) || (heights[r] > 0 && (r === 0 || (selected >= 0 && steps[selected].host === r))));
    const range = list.join(",");
    if (!always && range === drawnRange) return;
    drawnRange = range;
    const wanted = new Map();
    for (const r of list) addRow(r, wanted);
    addEdges(new Set(list), wanted);
    cy.batch(() => {
      for (const id of [...drawn.keys()]) {
        if (wanted.has(id)) continue;
        cy.remove(cy.getElementById(id));
        drawn.delete(id);
      }
      // An edge goes with its node; nodes come before edges in WANTED.
      for (const [id, each] of wanted) {
        const text = JSON.stringify(each);
        if (drawn.get(id) === text && cy.hasElementWithId(id)) continue;
        drawn.set(id, text);
        const old = cy.getElementById(id);
        if (old.nonempty()) {
          old.data(each.data);
          if (each.position) old.position(each.position);
          old.classes(each.classes);
        } else {
          cy.add({ data: { id, ...each.data }, position: each.position && { ...each.position }, classes: each.classes });
        }
      }
    });
  }

  // ---- Titles of columns and hosts: they stay in sight.

  const titles = columns.map((column) => element("columns").appendChild(make("span", column.name)));
  const hostButtons = new Map();
  const gutter = Math.min(150, 40 + 7.5 * Math.max(6, ...hosts.map((name) => name.length)));
  element("hosts").style.width = `${gutter}px`;

  function placeTitles() {
    const zoom = cy.zoom();
    const pan = cy.pan();
    titles.forEach((title, i) => {
      const width = columns[i].width * zoom + 20;
      title.style.left = `${columns[i].x * zoom + pan.x - width / 2}px`;
      title.style.width = `${width}px`;
    });
    const bottom = cy.height();
    let end = -Infinity; // of the last name: names that would cover each other are left out
    const shown = new Set();
    rows.forEach((row, r) => {
      if (heights[r] === 0) return;
      const top = tops[r] * zoom + pan.y;
      const height = heights[r] * zoom;
      if (top + height < 0 || top > bottom) return;
      // The name of an open host stays in sight as long as the host does.
      const y = isOpen(r) ? Math.min(Math.max(top + 4, 2), top + height - 20) : top + height / 2 - 10;
      if (y < end) return;
      end = y + 18;
      shown.add(r);
      let button = hostButtons.get(r);
      if (!button) {
        button = make("button");
        button.type = "button";
        button.title = row.name;
        button.addEventListener("click", () => toggleRow(r));
        element("hosts").append(button);
        hostButtons.set(r, button);
      }
      button.textContent = `${isOpen(r) ? "\u25be" : "\u25b8"} ${row.name}`;
      button.setAttribute("aria-expanded", isOpen(r));
      button.style.top = `${y}px`;
    });
    for (const [r, button] of hostButtons) {
      if (shown.has(r)) continue;
      button.remove();
      hostButtons.delete(r);
    }
  }

  // ---- Views.

  // Places and draws everything anew; row ANCHOR stays where it is on the screen.
  function update(anchor) {
    const before = anchor === undefined || tops.length === 0 ? 0 : tops[anchor];
    placeRows();
    if (anchor !== undefined) cy.panBy({ x: 0, y: (before - tops[anchor]) * cy.zoom() });
    draw(true);
    placeTitles();
    showSummary();
  }

  // The whole graph where that leaves the text readable; else its whole width, from the top.
  function fit() {
    const margin = 14;
    const width = cy.width() - gutter - 2 * margin;
    const readable = Math.min(1.25, Math.max(0.8, width / WIDTH));
    const whole = (cy.height() - 2 * margin) / tops[rows.length];
    const zoom = whole < 0.8 ? readable : Math.min(readable, whole);
    cy.viewport({ zoom, pan: { x: gutter + margin + Math.max(0, (width - WIDTH * zoom) / 2), y: margin } });
    draw(true);
    placeTitles();
  }

  function showStep(i) {
    const place = placeOf(i);
    const zoom = Math.max(cy.zoom(), 0.8);
    const at = { x: place.x * zoom + cy.pan().x, y: place.y * zoom + cy.pan().y };
    const half = columns[steps[i].column].width / 2 * zoom;
    const inSight =
      zoom === cy.zoom() && at.x - half > gutter && at.x + half < cy.width() && at.y > 30 && at.y < cy.height() - 30;
    if (!inSight) {
      const keepX = zoom === cy.zoom() && at.x - half > gutter && at.x + half < cy.width();
      cy.viewport({
        zoom,
        pan: { x: keepX ? cy.pan().x : (cy.width() + gutter) / 2 - place.x * zoom, y: cy.height() / 2 - place.y * zoom },
      });
    }
    draw(true);
    placeTitles();
  }

  function zoomBy(factor) {
    cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: (cy.width() + gutter) / 2, y: cy.height() / 2 } });
  }

  function toggleRow(r) {
    if (selected >= 0 && steps[selected].host === r && isOpen(r)) {
      toggled[compact ? "delete" : "add"](r);
      hitRows.delete(r);
      choose("");
      return;
    }
    if (hitRows.delete(r)) {
      toggled[compact ? "delete" : "add"](r);
    } else if (!toggled.delete(r)) {
      toggled.add(r);
    }
    update(r);
  }

  function showSummary() {
    const shown = heights.filter((height) => height > 0).length;
    const part = shown < rows.length ? `${shown} of ${count(rows.length, "row")}, ` : "";
    const about = data.around ? ` around ${data.around}` : "";
    element("summary").textContent = `${part}${count(steps.length, "step")}${about}, ${data.at}`;
    const button = element("toggle-rows");
    const anyOpen = rows.some((_, r) => isOpen(r));
    button.hidden = rows.length < 2;
    button.textContent = anyOpen ? "close hosts" : "open hosts";
  }

  // ---- Selecting.

  const hashOf = (label) => `#label=${encodeURIComponent(label)}`;

  // The hash is what is selected: links, the buttons of the browser and a saved address all do the same.
  function choose(label) {
    const hash = label ? hashOf(label) : "";
    if (location.hash === hash) {
      followHash();
    } else {
      location.hash = hash; // and followHash() by its event
    }
  }

  function followHash() {
    const match = /^#label=(.*)$/.exec(location.hash);
    let label = "";
    try {
      label = match ? decodeURIComponent(match[1]) : "";
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
      label = match[1];
    }
    const i = byLabel.has(label) ? byLabel.get(label) : -1;
    const before = selected;
    selected = i;
    chain = i >= 0 ? chainOf(i) : { causes: new Set(), dependents: new Set(), near: new Set() };
    const anchor = i >= 0 ? steps[i].host : before >= 0 ? steps[before].host : 0;
    showDetails(label);
    update(anchor);
    if (i >= 0) showStep(i);
  }

  function linkTo(i) {
    const link = make("a", steps[i].label);
    link.href = hashOf(steps[i].label);
    return link;
  }

  function addLinks(parent, title, list) {
    if (list.length === 0) return;
    parent.append(make("h3", `${title} (${list.length})`));
    const ul = parent.appendChild(make("ul"));
    for (const i of list.slice(0, LINKS_SHOWN)) {
      const li = ul.appendChild(make("li"));
      li.append(linkTo(i));
      if (steps[i].state !== "fresh") li.append(`  ${steps[i].state}`);
    }
    if (list.length > LINKS_SHOWN) ul.append(make("li", `and ${list.length - LINKS_SHOWN} more`));
  }

  function showDetails(label) {
    const details = element("details");
    details.replaceChildren();
    details.hidden = label === "";
    if (selected < 0) {
      if (label !== "") details.append(make("h2", `There is no step ${label} here.`));
      cy.resize();
      return;
    }
    const step = steps[selected];
    const what = details.appendChild(make("div"));
    what.append(make("h2", step.label));
    const facts = what.appendChild(make("dl"));
    const fact = (name, text) => {
      facts.append(make("dt", name));
      return facts.appendChild(make("dd", text));
    };
    fact("state", "").append(make("span", step.state, `state ${step.state}`));
    fact("verb", step.verb);
    fact("host", hosts[step.host]);
    if (step.days !== undefined) fact("days left", `${step.days}`);
    fact("last run", step.ran || "none that is known");
    if (step.reasons.length > 0) {
      what.append(make("h3", "Reasons"));
      const list = what.appendChild(make("ul"));
      for (const reason of step.reasons) list.append(make("li", reason));
    }

    const around = details.appendChild(make("div"));
    const ascending = (set) => [...set].sort((a, b) => a - b);
    addLinks(around, "Causes", ascending(chain.causes));
    addLinks(around, "Made from", step.inputs);
    addLinks(around, "After, in order only", step.after);
    addLinks(around, "Used by", users[selected].filter((user) => !user[1]).map((user) => user[0]));
    addLinks(around, "Before, in order only", users[selected].filter((user) => user[1]).map((user) => user[0]));

    const record = details.appendChild(make("div"));
    record.append(make("h3", "Record"));
    const fields = record.appendChild(make("dl", undefined, "record"));
    for (const [name, value] of Object.entries(step.record)) {
      fields.append(make("dt", name), make("dd", typeof value === "string" ? value : JSON.stringify(value)));
    }
    details.scrollTop = 0;
    cy.resize();
  }

  // ---- Searching and filtering.

  function search() {
    words = element("search").value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    hits = [];
    hit = -1;
    if (words.length > 0) steps.forEach((_, i) => { if (isMatch(i)) hits.push(i); });
    // In the order in which they stand there: by host, then from left to right.
    hits.sort((a, b) => steps[a].host - steps[b].host || steps[a].column - steps[b].column || steps[a].slot - steps[b].slot);
    hitRows = new Set(hits.length <= OPEN_HITS ? hits.map((i) => steps[i].host) : []);
    showHits();
    update(0);
  }

  function showHits() {
    const many = count(hits.length, "hit");
    element("hits").textContent = words.length === 0 ? "" : hit < 0 ? many : `${hit + 1} of ${many}`;
  }

  function jump(by) {
    if (hits.length === 0) return;
    hit = hit < 0 ? (by > 0 ? 0 : hits.length - 1) : (hit + by + hits.length) % hits.length;
    showHits();
    choose(steps[hits[hit]].label);
  }

  function clear() {
    if (element("search").value !== "") {
      element("search").value = "";
      search();
    } else if (selected >= 0 || location.hash !== "") {
      choose("");
    } else if (filter.size > 0) {
      filter.clear();
      showFilter();
    }
  }

  const legend = new Map();
  for (const state of STATES) {
    const many = steps.filter((step) => step.state === state).length;
    const button = make("button", `${MARKS[state]}${state} ${many}`, `state ${state}`);
    button.type = "button";
    button.dataset.state = state;
    button.dataset.count = `${many}`;
    button.addEventListener("click", () => {
      if (!filter.delete(state)) filter.add(state);
      showFilter();
    });
    legend.set(state, element("legend").appendChild(button));
  }

  function showFilter() {
    for (const [state, button] of legend) button.setAttribute("aria-pressed", filter.has(state));
    search();
    if (filter.size > 0) fit();
  }

  // ---- Mouse and keys.

  cy.on("tap", (event) => {
    if (event.target === cy) {
      if (selected >= 0) choose("");
      return;
    }
    const { step, row } = event.target.data();
    if (step !== undefined) choose(steps[step].label);
    if (row !== undefined) toggleRow(row);
  });

  // A wheel scrolls, as everywhere; with Ctrl it zooms, which cytoscape does.
  element("graph").addEventListener("wheel", (event) => {
    if (event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    const unit = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? cy.height() : 1;
    const [x, y] = event.shiftKey ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
    cy.panBy({ x: -x * unit, y: -y * unit });
  }, { capture: true, passive: false });

  // Along the edges to the left and the right, and up and down among the steps of a column.
  function nextOf(key) {
    const step = steps[selected];
    if (key === "ArrowLeft") return [...step.inputs, ...step.after][0];
    if (key === "ArrowRight") return users[selected].map((user) => user[0])[0];
    const column = steps.map((_, i) => i).filter((i) => steps[i].column === step.column && heights[steps[i].host] > 0);
    column.sort((a, b) => steps[a].host - steps[b].host || steps[a].slot - steps[b].slot);
    return column[column.indexOf(selected) + (key === "ArrowUp" ? -1 : 1)];
  }

  element("graph").addEventListener("keydown", (event) => {
    const pages = { PageUp: 1, PageDown: -1 }[event.key];
    const lines = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (pages) {
      cy.panBy({ x: 0, y: pages * cy.height() * 0.8 });
    } else if (lines && selected >= 0) {
      const next = nextOf(event.key);
      if (next !== undefined) choose(steps[next].label);
    } else if (lines) {
      cy.panBy({ x: lines[0] * 60, y: lines[1] * 60 });
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
  element("zoom-in").addEventListener("click", () => zoomBy(1.25));
  element("zoom-out").addEventListener("click", () => zoomBy(0.8));
  element("fit").addEventListener("click", fit);
  element("toggle-rows").addEventListener("click", () => {
    const open = !rows.some((_, r) => isOpen(r));
    hitRows.clear();
    toggled.clear();
    rows.forEach((_, r) => { if (open === compact) toggled.add(r); });
    if (selected >= 0 && !open) choose("");
    update(0);
  });

  let scheduled = false;
  cy.on("viewport", () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      draw(false);
      placeTitles();
    });
  });
  new ResizeObserver(() => {
    cy.resize();
    draw(false);
    placeTitles();
  }).observe(board);
  window.addEventListener("hashchange", followHash);

  document.title = data.around ? `${data.around} - kplan graph` : "kplan graph";
  showFilter();
  fit();
  followHash();
  document.documentElement.dataset.ready = "true";
})();
