
// The picture: an SVG of boxes and edges, in which only what is in sight is drawn, and the titles beside it.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = columns.reduce((end, column) => Math.max(end, column.x + column.width / 2), 0);
const LETTER = 5.45; // the width of one in a pill, which has 9 px monospace
const LEAST_ZOOM = 0.05;
const MOST_ZOOM = 4;
const READABLE = 0.8; // the least zoom at which names are easily read

const element = (id) => document.getElementById(id);

function make(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function makeSvg(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const graph = element("graph");
const world = element("world");
const layers = { band: element("bands"), edge: element("edges"), box: element("boxes") };

// ---- What is to be drawn, by id.

// The classes of a box that stands for LIST, of one or more steps.
function classesOf(list) {
  const classes = [worstOf(list)];
  if (isAsked() || picked.length > 0) {
    const isWanted = (i) => (isAsked() && isMatch(i)) || pickedSet.has(i) || chain.causes.has(i) || chain.dependents.has(i) || chain.near.has(i);
    if (!list.some(isWanted)) classes.push("faded");
  }
  if (words.length > 0 && list.some(isMatch)) classes.push("hit");
  if (list.some((i) => chain.dependents.has(i))) classes.push("dependent");
  if (list.some((i) => chain.causes.has(i))) classes.push("cause");
  if (picked.length > 0 && list.every((i) => pickedSet.has(i))) classes.push("selected");
  return classes;
}

// "12", "3 of 12": how many of LIST are in the worst state.
function countText(list) {
  const state = worstOf(list);
  const many = list.filter((i) => steps[i].state === state).length;
  return many === list.length ? `${many}` : `${many} of ${list.length}`;
}

// "×12", "3 of 12"
function manyText(list) {
  const text = countText(list);
  return text.includes(" ") ? text : `\u00d7${text}`;
}

function pillsOf(list) {
  const effect = effectOf(list);
  if (effect === undefined) return [];
  const many = countEffect(list, effect);
  return [{ kind: effect, text: many > 1 ? `${effect} \u00d7${many}` : effect }];
}

function addBoxes(band, wanted) {
  wanted.set(band.id, { layer: "band", x: -12, y: band.top, width: WIDTH + 24, height: band.height, caption: band.caption, title: band.title === true });
  if (band.title) return;
  if (band.open) {
    band.list.items.forEach((item, k) => {
      const mark = MARKS[worstOf(item.steps)];
      wanted.set(`${band.id}.${k}`, {
        layer: "box",
        ...middleOf(band, k),
        width: columns[item.column].width,
        height: BOX_HEIGHT,
        text: mark + item.name,
        title: item.label,
        classes: classesOf(item.steps),
        pills: pillsOf(item.steps),
        many: band.host === undefined ? manyText(item.steps) : "",
        step: item.steps[0],
        alike: band.host === undefined,
      });
    });
    return;
  }
  const cells = new Map();
  for (const item of band.list.items) cells.set(item.column, [...(cells.get(item.column) || []), ...item.steps]);
  for (const [column, list] of cells) {
    wanted.set(`${band.id}.c${column}`, {
      layer: "box",
      x: columns[column].x,
      y: band.inner + CLOSED_HEIGHT / 2,
      width: columns[column].width,
      height: BOX_HEIGHT - 2,
      text: MARKS[worstOf(list)] + countText(list),
      title: "",
      classes: ["cell", ...classesOf(list)],
      pills: pillsOf(list),
      many: "",
      band: band.id,
    });
  }
}

// Whether the edge from step FROM to step TO belongs to what is picked, and how.
function partOfChain(from, to, order) {
  const isPicked = (i) => pickedSet.has(i);
  const isCause = (i) => isPicked(i) || chain.causes.has(i);
  const isDependent = (i) => isPicked(i) || chain.dependents.has(i);
  const cause = isCause(from) && isCause(to) && (!order || steps[to].state === "waiting");
  const dependent = !order && isDependent(from) && isDependent(to);
  return { cause, dependent, shown: cause || dependent || isPicked(from) || isPicked(to) };
}

// The edges between what is drawn: all of open bands, and of closed ones those of the chain that is shown.
function addEdges(drawnBands, wanted) {
  const add = (from, to, order) => {
    const a = boxOf(from);
    const b = boxOf(to);
    if (!a || !b || a.id === b.id || !wanted.has(a.id) || !wanted.has(b.id)) return;
    // Among alike hosts that are one box each, what one waits for on another is an edge to the left.
    if (steps[from].column > steps[to].column && a.band === b.band && a.band.host === undefined) return;
    const part = partOfChain(from, to, order);
    if (!part.shown && !a.band.open && !b.band.open) return;
    const id = `${a.id}-${b.id}`;
    const known = wanted.get(id);
    const classes = known ? new Set(known.classes) : new Set(order ? ["order"] : []);
    if (!order) classes.delete("order");
    if (part.cause) classes.add("cause");
    if (part.dependent) classes.add("dependent");
    if ((picked.length > 0 || isAsked()) && !part.shown && !known) classes.add("faded");
    if (part.shown) classes.delete("faded");
    if (a.band !== b.band) classes.add("far");
    wanted.set(id, { layer: "edge", from: a.id, to: b.id, d: known ? known.d : pathOf(a, b, from, to, wanted), classes: [...classes] });
  };
  const sources = new Set([...picked, ...chain.causes, ...chain.dependents]);
  for (const band of drawnBands) {
    if (band.open) for (const item of band.list.items) for (const i of item.steps) sources.add(i);
  }
  for (const i of sources) {
    for (const input of steps[i].inputs) add(input, i, false);
    for (const input of steps[i].after) add(input, i, true);
    for (const [user, order] of users[i]) add(i, user, order);
  }
}

// An edge leaves its box and arrives level; within a column it bows on the left side. Inside a band it passes the
// columns in between where dagre made room for it.
function pathOf(a, b, from, to, wanted) {
  const source = wanted.get(a.id);
  const target = wanted.get(b.id);
  const end = target.x - target.width / 2;
  if (steps[from].column === steps[to].column) {
    const begin = source.x - source.width / 2;
    const reach = Math.min(begin, end) - 22;
    return `M${begin},${source.y}C${reach},${source.y} ${reach},${target.y} ${end},${target.y}`;
  }
  let x = source.x + source.width / 2;
  let y = source.y;
  let d = `M${x},${y}`;
  const curveTo = (nextX, nextY) => {
    const reach = Math.max(16, Math.min(70, Math.abs(nextX - x) / 2));
    d += `C${x + reach},${y} ${nextX - reach},${nextY} ${nextX},${nextY}`;
    [x, y] = [nextX, nextY];
  };
  for (const [column, height] of passesOf(a, b)) {
    curveTo(columns[column].x - columns[column].width / 2, height);
    x += columns[column].width;
    d += `H${x}`;
  }
  curveTo(end, target.y);
  return d;
}

function passesOf(a, b) {
  if (a.band !== b.band || !a.band.open) return [];
  const [from, to] = [a, b].map((box) => Number(box.id.slice(box.id.indexOf(".") + 1)));
  const link = a.band.list.linkIndex.get(`${from} ${to}`);
  if (link === undefined) return [];
  const { items } = a.band.list;
  return placesOf(a.band).passes[link].map((height, n) => [items[from].column + 1 + n, a.band.inner + height]);
}

// ---- Drawing it.

const makers = {
  band(it) {
    const g = makeSvg("g", { class: it.title ? "band title" : "band" });
    if (!it.title) g.append(makeSvg("rect", { x: it.x, y: it.y, width: it.width, height: it.height, rx: 6 }));
    if (it.caption) g.append(makeSvg("text", { x: 2, y: it.y + 14 }, it.caption));
    return g;
  },
  box(it, id) {
    const g = makeSvg("g", { class: `box ${it.classes.join(" ")}`, transform: `translate(${it.x} ${it.y})` });
    g.dataset.id = id;
    if (it.band !== undefined) g.dataset.band = it.band;
    if (it.step !== undefined) g.dataset.step = it.step;
    if (it.alike) g.dataset.alike = "";
    if (it.title) g.append(makeSvg("title", {}, it.title));
    const half = it.width / 2;
    const middle = it.height / 2;
    const frame = (by, name) => makeSvg("rect", {
      class: name, x: -half - by, y: -middle - by, width: it.width + 2 * by, height: it.height + 2 * by, rx: it.band === undefined ? 5 + by : 0 });
    g.append(frame(3, "ring"), frame(0, "frame"));
    if (it.classes.includes("failed")) g.append(frame(-3, "inner"));
    g.append(makeSvg("text", { class: "name", y: 4 }, it.text));
    for (const pill of it.pills) addPill(g, pill.kind, pill.text, -half - 3, -middle - 3);
    if (it.many) addPill(g, "many", it.many, half + 3 - (it.many.length * LETTER + 8), middle + 3);
    return g;
  },
  edge(it) {
    const path = makeSvg("path", { class: `edge ${it.classes.join(" ")}`, d: it.d });
    path.dataset.from = it.from;
    path.dataset.to = it.to;
    return path;
  },
};

function addPill(g, kind, text, x, y) {
  const pill = g.appendChild(makeSvg("g", { class: `pill ${kind}`, transform: `translate(${x} ${y})` }));
  pill.append(makeSvg("rect", { y: -6, width: text.length * LETTER + 8, height: 12, rx: 6 }), makeSvg("text", { x: 4, y: 3.2 }, text));
}

const drawn = new Map(); // id -> [what is drawn, as text; its element]
let drawnRange = "";
let onPaper = false;
let view = { zoom: 1, x: 0, y: 0 };

// Draws the bands in sight, the first one (what hosts share), and that of the picked step; removes the others.
function draw(always) {
  const height = graph.clientHeight;
  const begin = (-view.y - height / 2) / view.zoom;
  const end = (-view.y + 1.5 * height) / view.zoom;
  const isWanted = (band, n) => onPaper || n === 0 || (band.top + band.height >= begin && band.top <= end) || (band.host !== undefined && isPickedHost(band.host));
  const list = bands.filter(isWanted);
  const range = list.map((band) => band.id).join(",");
  if (!always && range === drawnRange) return;
  drawnRange = range;
  const wanted = new Map();
  for (const band of list) addBoxes(band, wanted);
  addEdges(list, wanted);
  for (const [id, [, old]] of drawn) {
    if (wanted.has(id)) continue;
    old.remove();
    drawn.delete(id);
  }
  for (const [id, it] of wanted) {
    const text = JSON.stringify(it);
    const known = drawn.get(id);
    if (known && known[0] === text) continue;
    const made = makers[it.layer](it, id);
    if (known) known[1].replaceWith(made);
    else layers[it.layer].append(made);
    drawn.set(id, [text, made]);
  }
}

function show() {
  world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.zoom})`);
  draw(false);
  placeTitles();
}

function panBy(x, y) {
  view.x += x;
  view.y += y;
  show();
}

function zoomAt(factor, x, y) {
  const zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, view.zoom * factor));
  view = { zoom, x: x - (x - view.x) * zoom / view.zoom, y: y - (y - view.y) * zoom / view.zoom };
  show();
}

// ---- Titles of columns and bands: they stay in sight.

const titles = columns.map((column) => element("columns").appendChild(make("span", column.name)));
const buttons = new Map(); // by the id of the band

const gutterName = (band) => (band.host !== undefined ? hosts[band.host] : groups[band.group].name);
const longest = Math.max(6, ...hosts.map((name) => name.length), ...groups.map((group) => group.name.length));
let gutter = 0;

function placeGutter() {
  gutter = Math.min(150, Math.max(60, graph.clientWidth / 4), 40 + 7.5 * longest);
  element("hosts").style.width = `${gutter}px`;
}

function buttonOf(band) {
  let button = buttons.get(band.id);
  if (button) return button;
  button = make("button");
  button.type = "button";
  button.title = gutterName(band);
  button.className = band.host === undefined ? "group" : "host";
  button.addEventListener("click", () => (band.host === undefined ? toggleGroup(band.group) : toggleHost(band.host)));
  element("hosts").append(button);
  buttons.set(band.id, button);
  return button;
}

function placeTitles() {
  titles.forEach((title, i) => {
    const width = columns[i].width * view.zoom + 20;
    title.style.left = `${columns[i].x * view.zoom + view.x - width / 2}px`;
    title.style.width = `${width}px`;
  });
  let end = -Infinity; // of the last name: names that would cover each other are left out
  const shown = new Set();
  for (const band of bands) {
    const top = band.top * view.zoom + view.y;
    const height = band.height * view.zoom;
    if (top + height < 0 || top > graph.clientHeight) continue;
    // The name of an open band stays in sight as long as the band does.
    const y = band.open ? Math.min(Math.max(top + 4, 2), top + height - 20) : top + height / 2 - 10;
    if (y < end) continue;
    end = y + 18;
    shown.add(band.id);
    const button = buttonOf(band);
    const isExpanded = band.title || (band.host !== undefined && band.open);
    button.textContent = `${isExpanded ? "\u25be" : "\u25b8"} ${gutterName(band)}`;
    button.setAttribute("aria-expanded", isExpanded);
    button.style.top = `${y}px`;
  }
  for (const [id, button] of buttons) {
    if (shown.has(id)) continue;
    button.remove();
    buttons.delete(id);
  }
}

// ---- Views.

// Places and draws everything anew; what stands at the top of the band of HOST stays where it is on the screen.
function update(host) {
  const topOf = () => (host === undefined ? undefined : bandOfHost.get(host)?.top);
  const before = topOf();
  placeBands();
  const after = topOf();
  if (before !== undefined && after !== undefined) view.y += (before - after) * view.zoom;
  world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.zoom})`);
  draw(true);
  placeTitles();
  showSummary();
}

// The whole graph where that leaves the text readable; else its whole width, from the top.
function fit() {
  const margin = 14;
  placeGutter();
  const width = graph.clientWidth - gutter - 2 * margin;
  const readable = Math.min(1.25, Math.max(READABLE, width / WIDTH));
  const whole = (graph.clientHeight - 2 * margin) / bottom;
  const zoom = whole < READABLE ? readable : Math.min(readable, whole);
  view = { zoom, x: gutter + margin + Math.max(0, (width - WIDTH * zoom) / 2), y: margin };
  show();
}

// Brings the box of step I into sight, moving no further than that takes.
function showStep(i) {
  const margin = 24;
  const place = placeOf(i);
  const zoom = Math.max(view.zoom, READABLE);
  const shift = (at, half, begin, end) => {
    if (end - begin < 2 * (half + margin)) return (begin + end) / 2 - at;
    return Math.max(0, begin + margin + half - at) - Math.max(0, at + half + margin - end);
  };
  const at = { x: place.x * zoom + view.x, y: place.y * zoom + view.y };
  view = {
    zoom,
    x: view.x + shift(at.x, columns[steps[i].column].width / 2 * zoom, gutter, graph.clientWidth),
    y: view.y + shift(at.y, BOX_HEIGHT * zoom, 0, graph.clientHeight),
  };
  show();
}

// ---- Paper: all of it at once, as large as the page is, with the titles in the picture.

function toPaper() {
  if (onPaper) return;
  onPaper = true;
  draw(true);
  const left = -gutter - 20;
  const paper = element("paper");
  for (const column of columns) paper.append(makeSvg("text", { x: column.x, y: -10, class: "column" }, column.name));
  for (const band of bands) paper.append(makeSvg("text", { x: left + 4, y: band.top + 15, class: "row" }, gutterName(band)));
  world.removeAttribute("transform");
  element("picture").setAttribute("viewBox", `${left} -30 ${WIDTH + 14 - left} ${bottom + 30}`);
}

function fromPaper() {
  if (!onPaper) return;
  onPaper = false;
  element("paper").replaceChildren();
  element("picture").removeAttribute("viewBox");
  draw(true);
  show();
}
