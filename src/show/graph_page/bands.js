
// What is drawn, from top to bottom: a band for what hosts share, and for each group of hosts either one band in which
// alike steps are one box, or a band a host. A band is open, with its boxes, or closed, with a count a column.

const CLOSED_HEIGHT = 30;
const CAPTION_HEIGHT = 20; // what a band of a group says of it, above its boxes
const BAND_GAP = 6;
// A band with more boxes than this is never open by itself.
const MOST_BOXES = 150;
// So many hits of a search or a filter open their hosts by themselves.
const OPEN_HITS = 60;

// ---- What the person has chosen.

let picked = []; // the steps whose details are shown: one, or some that are alike
let pickedSet = new Set();
let chain = NO_CHAIN;
const filter = new Set(); // states and effects; empty: all
let words = [];
let hits = [];
let hit = -1; // index into hits
const toggledHosts = new Set(); // those that are not as they were at first
const toggledGroups = new Set();
let hitHosts = new Set();

const matchesFilter = (i) => filter.size === 0 || filter.has(steps[i].state) || filter.has(steps[i].effect);
const matchesSearch = (i) => words.every((word) => steps[i].text.includes(word));
const isMatch = (i) => matchesFilter(i) && matchesSearch(i);
const isAsked = () => filter.size > 0 || words.length > 0;
const isPickedHost = (host) => picked.length === 1 && steps[picked[0]].host === host;

const isAlone = (host) => groups[groupOfHost[host]].hosts.length === 1;
const opensAtFirst = (host) => (isAlone(host) ? stepsOfHost[host].length <= MOST_BOXES : !compact);
const isOpen = (host) => toggledHosts.has(host) !== opensAtFirst(host) || hitHosts.has(host) || isPickedHost(host);
const isSpread = (g) => groups[g].hosts.length === 1 || toggledGroups.has(g) !== !compact;

// ---- The bands.

let bands = []; // {id, group, host, items, links, caption, top, height, open}; without a host: the whole group
let bottom = 0;
let bandOfHost = new Map(); // also of hosts that are in their group's band
const itemOf = new Map(); // "group step" or "step" -> index into the items of its band

const hostItems = [];
const groupItems = [];

function itemsOfHost(host) {
  hostItems[host] ||= linked(
    stepsOfHost[host].map((i) => ({ label: steps[i].label, column: steps[i].column, name: steps[i].name, steps: [i] })), "");
  return hostItems[host];
}

function itemsOfGroup(g) {
  groupItems[g] ||= linked(gather(groups[g]), `${g} `);
  return groupItems[g];
}

// ITEMS with the links among them that lead from a column to a later one, and where all of these stand.
function linked(items, prefix) {
  const own = new Map();
  items.forEach((item, k) => { for (const i of item.steps) own.set(i, k); });
  for (const [i, k] of own) itemOf.set(`${prefix}${i}`, k);
  const links = new Map();
  for (const [i, k] of own) {
    for (const input of [...steps[i].inputs, ...steps[i].after]) {
      const from = own.get(input);
      if (from !== undefined && items[from].column < items[k].column) links.set(`${from} ${k}`, [from, k]);
    }
  }
  return { items, links: [...links.values()], linkIndex: new Map([...links.keys()].map((key, n) => [key, n])), places: undefined };
}

// Where the boxes of an open band stand; worked out when it is first open.
function placesOf(band) {
  const { list } = band;
  list.places ||= arrange(list.items, list.links);
  return list.places;
}

function addBand(g, host) {
  const ofGroup = host === undefined;
  const list = ofGroup ? itemsOfGroup(g) : itemsOfHost(host);
  const many = groups[g].hosts.length;
  const band = {
    id: ofGroup ? `g${g}` : `h${host}`,
    group: g,
    host,
    list,
    caption: ofGroup ? `${many} hosts: ${namesOf(groups[g].hosts)}` : "",
    open: ofGroup ? list.items.length <= MOST_BOXES : isOpen(host),
    top: bottom,
  };
  band.inner = band.top + (ofGroup ? CAPTION_HEIGHT : 0); // where its boxes begin
  band.height = band.inner - band.top + (band.open ? placesOf(band).height : CLOSED_HEIGHT);
  bands.push(band);
  bottom += band.height + BAND_GAP;
  return band;
}

// The line above the bands of a group whose hosts stand one by one.
function addTitle(g) {
  const { hosts: list } = groups[g];
  bands.push({ id: `t${g}`, group: g, caption: `${count(list.length, "host")}: ${namesOf(list)}`, top: bottom, height: CAPTION_HEIGHT, title: true });
  bottom += CAPTION_HEIGHT + BAND_GAP;
}

function placeBands() {
  bands = [];
  bottom = 0;
  bandOfHost = new Map();
  groups.forEach((group, g) => {
    const isShown = (host) => filter.size === 0 || isPickedHost(host) || stepsOfHost[host].some(matchesFilter);
    const shown = group.hosts.filter(isShown);
    if (shown.length === 0) return;
    if (isSpread(g)) {
      if (group.hosts.length > 1) addTitle(g);
      for (const host of shown) bandOfHost.set(host, addBand(g, host));
      return;
    }
    const band = addBand(g);
    for (const host of group.hosts) bandOfHost.set(host, band);
    for (const host of shown) if (isOpen(host)) bandOfHost.set(host, addBand(g, host));
  });
}

// The box that stands for step I, as {band, id}; undefined when none does.
function boxOf(i) {
  const band = bandOfHost.get(steps[i].host);
  if (band === undefined) return undefined;
  if (!band.open) return { band, id: `${band.id}.c${steps[i].column}` };
  return { band, id: `${band.id}.${itemOf.get(band.host === undefined ? `${band.group} ${i}` : `${i}`)}` };
}

const middleOf = (band, k) => ({ x: columns[band.list.items[k].column].x, y: band.inner + placesOf(band).at[k] });

// The middle of the box that stands for step I.
function placeOf(i) {
  const { band } = boxOf(i);
  if (!band.open) return { x: columns[steps[i].column].x, y: band.inner + CLOSED_HEIGHT / 2 };
  return middleOf(band, itemOf.get(band.host === undefined ? `${band.group} ${i}` : `${i}`));
}
