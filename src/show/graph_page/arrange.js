
// Where the boxes of a band stand: dagre orders those of each column so that few edges cross, and puts what belongs
// together at one height. The columns are the stages, which are given.

const BOX_HEIGHT = 24; // pixels at zoom 1, all of these
const BOX_GAP = 12;
const EDGE_GAP = 8;
const BAND_PADDING = 12;

const arranged = new Map(); // what was asked for, as text -> the answer: alike hosts are arranged once

// ITEMS: [{column}]; LINKS: [from, to] among them, from left to right. The height of all, the middle of each item, and
// for each link its heights in the columns that it passes: {height, at: [y], passes: [[y]]}.
function arrange(items, links) {
  const key = JSON.stringify([items.map((item) => item.column), links]);
  if (!arranged.has(key)) arranged.set(key, arrangeAnew(items, links));
  return arranged.get(key);
}

function arrangeAnew(items, links) {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({
    nodesep: BOX_GAP,
    edgesep: EDGE_GAP,
    ranksep: 20,
    // Dagre's ranks are twice the columns: between two it keeps one for the labels of edges.
    ranker: (ranked) => {
      for (const name of ranked.nodes()) ranked.node(name).rank = name in items ? 2 * items[name].column : -1;
    },
  });
  graph.setDefaultEdgeLabel(() => ({}));
  items.forEach((_, i) => graph.setNode(`${i}`, { width: BOX_HEIGHT, height: 10 }));
  links.forEach(([from, to], i) => graph.setEdge(`${from}`, `${to}`, {}, `${i}`));
  // From top to bottom, as dagre thinks: what it calls x is the height here.
  dagre.layout(graph);
  const at = items.map((_, i) => graph.node(`${i}`).x);
  // The first and the last point are those where the edge meets its boxes; of the others every second is in a column.
  const passes = links.map(([from, to], i) => {
    const { points } = graph.edge({ v: `${from}`, w: `${to}`, name: `${i}` });
    return points.slice(1, -1).filter((_, n) => n % 2 === 1).map((point) => point.x);
  });
  const all = [...at, ...passes.flat()];
  const top = Math.min(...all) - BOX_HEIGHT / 2 - BAND_PADDING;
  const height = Math.max(...all) + BOX_HEIGHT / 2 + BAND_PADDING - top;
  return { height, at: at.map((y) => y - top), passes: passes.map((ys) => ys.map((y) => y - top)) };
}
