
// What is known of the picked step, or of some that are alike, beside the picture.

const LINKS_SHOWN = 100;
const VERBS = { start: "starts", reload: "reloads", restart: "restarts" };

const hashOf = (label) => `#label=${encodeURIComponent(label)}`;
const hashOfAlike = (label) => `#alike=${encodeURIComponent(label)}`;

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
    if (steps[i].effect) li.append(`, ${steps[i].effect}`);
  }
  if (list.length > LINKS_SHOWN) ul.append(make("li", `and ${list.length - LINKS_SHOWN} more`));
}

// A list of facts below PARENT; the function adds one.
function addFacts(parent) {
  const facts = parent.appendChild(make("dl"));
  return (name, text) => {
    facts.append(make("dt", name));
    return facts.appendChild(make("dd", text));
  };
}

// What LIST does to services in this way: "restarts", "starts 3", "restarts etcd on etcd-1, etcd on etcd-2".
function effectText(list, effect) {
  const services = list.flatMap((i) => (steps[i].touches || []).filter((touch) => touch[1] === effect).map((touch) => touch[0]));
  if (services.length > 0) return `${VERBS[effect]} ${services.slice(0, LINKS_SHOWN).join(", ")}`;
  return list.length > 1 ? `${VERBS[effect]} ${countEffect(list, effect)}` : VERBS[effect];
}

function addEffects(fact, list) {
  for (const effect of EFFECTS) {
    if (countEffect(list, effect) > 0) fact("service", "").append(make("span", effectText(list, effect), `effect ${effect}`));
  }
}

const ascending = (set) => [...set].sort((a, b) => a - b);

function showOne(details, i) {
  const step = steps[i];
  const what = details.appendChild(make("div"));
  what.append(make("h2", step.label));
  const fact = addFacts(what);
  fact("state", "").append(make("span", step.state, `state ${step.state}`));
  addEffects(fact, [i]);
  fact("verb", step.verb);
  fact("host", hosts[step.host]);
  if (step.days !== undefined) fact("days left", `${step.days}`);
  fact("last run", step.ran || "none that is known");
  if (step.reasons.length > 0) {
    what.append(make("h3", "Reasons"));
    const list = what.appendChild(make("ul"));
    list.className = "reasons";
    for (const reason of step.reasons) list.append(make("li", reason));
  }

  const around = details.appendChild(make("div"));
  addLinks(around, "Causes", ascending(chain.causes));
  addLinks(around, "Made from", step.inputs);
  addLinks(around, "After, in order only", step.after);
  addLinks(around, "Used by", users[i].filter((user) => !user[1]).map((user) => user[0]));
  addLinks(around, "Before, in order only", users[i].filter((user) => user[1]).map((user) => user[0]));

  const record = details.appendChild(make("div"));
  record.append(make("h3", "Record"));
  if (step.record === undefined) {
    record.append(make("p", `Left out, because this page would become too large: kplan show ${step.label}`));
    return;
  }
  const fields = record.appendChild(make("dl", undefined, "record"));
  for (const [name, value] of Object.entries(step.record)) {
    fields.append(make("dt", name), make("dd", typeof value === "string" ? value : JSON.stringify(value)));
  }
}

function showAlike(details, list) {
  const what = details.appendChild(make("div"));
  what.append(make("h2", commonLabel(list[0])));
  const fact = addFacts(what);
  for (const state of STATES) {
    const many = list.filter((i) => steps[i].state === state).length;
    if (many > 0) fact(state, "").append(make("span", `${many}`, `state ${state}`));
  }
  addEffects(fact, list);
  fact("verb", steps[list[0]].verb);
  fact("hosts", `${list.length}: ${namesOf(list.map((i) => steps[i].host))}`);
  // Why: each reason once, with how many have it.
  const reasons = new Map();
  for (const i of list) {
    for (const reason of steps[i].reasons) {
      const common = reason.split(hosts[steps[i].host]).join("*");
      reasons.set(common, (reasons.get(common) || 0) + 1);
    }
  }
  if (reasons.size > 0) {
    what.append(make("h3", "Reasons"));
    const ul = what.appendChild(make("ul"));
    ul.className = "reasons";
    for (const [reason, many] of [...reasons].slice(0, LINKS_SHOWN)) ul.append(make("li", many === list.length ? reason : `${reason} (${many})`));
  }
  const around = details.appendChild(make("div"));
  const order = new Map(STATES.map((state, n) => [state, n]));
  addLinks(around, "On", [...list].sort((a, b) => order.get(steps[a].state) - order.get(steps[b].state)));
}

// LABEL: what was asked for, also when there is no such step.
function showDetails(label) {
  const details = element("details");
  details.replaceChildren();
  details.hidden = label === "";
  if (picked.length > 1) showAlike(details, picked);
  else if (picked.length === 1) showOne(details, picked[0]);
  else if (label !== "") details.append(make("h2", `There is no step ${label} here.`));
  details.scrollTop = 0;
}
