"use strict";

// The graph of `kplan graph --format=html`: its data, and what follows from them. What the words of the data mean is
// in src/show/graph_html.cc. The files of this folder are one program, in the order of BUILD.bazel.
//
// Text of the data gets into the page as textContent and as attributes of no meaning, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const { steps, hosts, groups, columns } = data;

// The worst first: what stands for several steps shows the first of these that one of them has.
const STATES = ["failed", "stale", "waiting", "unknown", "fresh"];
const MARKS = { stale: "\u2206 ", failed: "\u2715 ", waiting: "\u2026 ", unknown: "? ", fresh: "" };
const EFFECTS = ["restart", "reload", "start"];
// With more steps than this, alike hosts are drawn as one at first.
const COMPACT_ABOVE = 150;

const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

const users = steps.map(() => []); // of each step, as [step, order only]
const byLabel = new Map();
const stepsOfHost = hosts.map(() => []);
const groupOfHost = [];
groups.forEach((group, g) => { for (const host of group.hosts) groupOfHost[host] = g; });

steps.forEach((step, i) => {
  byLabel.set(step.label, i);
  step.text = `${step.label} ${hosts[step.host]} ${step.verb} ${step.effect || ""}`.toLowerCase();
  for (const input of step.inputs) users[input].push([i, false]);
  for (const input of step.after) users[input].push([i, true]);
  stepsOfHost[step.host].push(i);
});

const compact = steps.length > COMPACT_ABOVE;

// "etcd-2", "etcd-1, etcd-2", "node-1 … node-100"
function namesOf(list) {
  const names = list.map((host) => hosts[host]);
  return names.length > 2 ? `${names[0]} \u2026 ${names[names.length - 1]}` : names.join(", ");
}

// What the steps of alike hosts have in common: "key/*/server".
function commonLabel(i) {
  const step = steps[i];
  const [first, second, ...rest] = step.label.split("/");
  return second === hosts[step.host] ? [first, "*", ...rest].join("/") : step.label;
}

// The steps of a group's hosts, those that are alike together: [{label, column, name, steps}].
function gather(group) {
  const found = new Map();
  for (const host of group.hosts) {
    for (const i of stepsOfHost[host]) {
      const label = commonLabel(i);
      const key = `${steps[i].column} ${label}`;
      if (!found.has(key)) found.set(key, { label, column: steps[i].column, name: steps[i].name, steps: [] });
      found.get(key).steps.push(i);
    }
  }
  return [...found.values()];
}

const worstOf = (list) => STATES.find((state) => list.some((i) => steps[i].state === state));
const effectOf = (list) => EFFECTS.find((effect) => list.some((i) => steps[i].effect === effect));

// The services that STEPS touch in this way: a step about several counts each.
function countEffect(list, effect) {
  return list.reduce((sum, i) => {
    const { touches } = steps[i];
    if (touches) return sum + touches.filter((touch) => touch[1] === effect).length;
    return sum + (steps[i].effect === effect ? 1 : 0);
  }, 0);
}

const NO_CHAIN = { causes: new Set(), dependents: new Set(), near: new Set() };

// The steps that are to blame when those of START are not fresh: those before them that are not fresh either. And all
// that becomes stale with them.
function chainOf(start) {
  const first = new Set(start);
  const walk = (next) => {
    const found = new Set();
    const waiting = [...start];
    while (waiting.length > 0) {
      for (const i of next(waiting.pop())) {
        if (first.has(i) || found.has(i)) continue;
        found.add(i);
        waiting.push(i);
      }
    }
    return found;
  };
  // Order alone makes nothing stale, but it makes a step wait.
  const causes = walk((i) => {
    const before = steps[i].state === "fresh" ? [] : [...steps[i].inputs];
    if (steps[i].state === "waiting") before.push(...steps[i].after);
    return before.filter((input) => steps[input].state !== "fresh");
  });
  const dependents = walk((i) => users[i].filter((user) => !user[1]).map((user) => user[0]));
  const near = new Set();
  for (const i of start) {
    for (const other of [...steps[i].inputs, ...steps[i].after, ...users[i].map((user) => user[0])]) near.add(other);
  }
  return { causes, dependents, near };
}
