// What an editor would make of `kplan schema`, with npm's packages yaml and ajv.
//
//   schema_node.js validate SCHEMA FILE...     JSON: for each FILE its errors, [] when it is good
//   schema_node.js defaults SCHEMA             JSON: the places whose "default" the schema itself would refuse
//   schema_node.js variants FILE FOLDER        writes FILE with one change each to FOLDER/0.yaml, ...; prints what was changed
'use strict';
const fs = require('fs');
const path = require('path');
const Ajv = require('ajv');
const YAML = require('yaml');

// As yaml-language-server reads: YAML 1.2's core schema.
const options = {version: '1.2', schema: 'core', merge: false, uniqueKeys: true};

// Strict: an unknown word in the schema, or one that does nothing where it stands, is an error.
function compile(file) {
  const schema = JSON.parse(fs.readFileSync(file, 'utf8'));
  const ajv = new Ajv({allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false});
  return {schema, ajv, validate: ajv.compile(schema)};
}

function errorsOf(validate, file) {
  const document = YAML.parseDocument(fs.readFileSync(file, 'utf8'), options);
  if (document.errors.length > 0) return document.errors.map(error => `yaml: ${error.message}`);
  let value;
  try {
    value = document.toJS({maxAliasCount: 10000});
  } catch (error) {  // aliases of nothing, or too many
    return [`yaml: ${error.message}`];
  }
  if (validate(value)) return [];
  return validate.errors.map(error => `${error.instancePath}: ${error.message} ${JSON.stringify(error.params)}`);
}

function badDefaults({schema, ajv}) {
  const bad = [];
  const walk = (node, pointer) => {
    if (node === null || typeof node !== 'object') return;
    if ('default' in node && !pointer.endsWith('/properties')) {
      if (!ajv.getSchema(`${schema.$id}#${pointer}`)(node.default)) bad.push(pointer);
    }
    for (const [key, value] of Object.entries(node)) {
      if (key !== 'default') walk(value, `${pointer}/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`);
    }
  };
  walk(schema, '');
  return bad;
}

const VALUES = [true, false, 0, 1, 2, 2048, -1, 3.5, '5', 'true', 'x', 'X y', '8760h', '5 minutes', 'ca', null, '', [], ['x'], {}, {x: 'y'}];

// Every value replaced by each of VALUES, every entry taken away, every key misspelled.
function variants(file, folder) {
  const text = fs.readFileSync(file, 'utf8');
  const places = [];
  YAML.visit(YAML.parseDocument(text, options), {
    Pair: (key, pair, above) => { places.push(pathOf(above, pair)); },
    Scalar: (key, node, above) => {
      if (YAML.isSeq(above[above.length - 1])) places.push(pathOf(above).concat(key));
    },
  });
  const made = [];
  const write = (document, what) => {
    fs.writeFileSync(path.join(folder, `${made.length}.yaml`), document.toString());
    made.push(what);
  };
  for (const place of places) {
    const named = place.join('.');
    for (const value of VALUES) {
      const document = YAML.parseDocument(text, options);
      document.setIn(place, document.createNode(value, {flow: true}));
      write(document, `${named} = ${JSON.stringify(value)}`);
    }
    const without = YAML.parseDocument(text, options);
    without.deleteIn(place);
    write(without, `${named} removed`);
    if (typeof place[place.length - 1] !== 'string') continue;
    const renamed = YAML.parseDocument(text, options);
    const value = renamed.getIn(place, true);
    renamed.deleteIn(place);
    renamed.setIn(place.slice(0, -1).concat(place[place.length - 1] + 'x'), value);
    write(renamed, `${named} misspelled`);
  }
  return made;
}

// The keys and indexes that lead through ABOVE, the nodes above a node, to PAIR in the last of them.
function pathOf(above, pair) {
  const place = [];
  for (let i = 0; i < above.length; ++i) {
    if (YAML.isPair(above[i])) place.push(above[i].key.value);
    if (YAML.isSeq(above[i]) && i + 1 < above.length) place.push(above[i].items.indexOf(above[i + 1]));
  }
  return pair ? place.concat(pair.key.value) : place;
}

const [verb, ...rest] = process.argv.slice(2);
let answer;
if (verb === 'validate') {
  const {validate} = compile(rest[0]);
  answer = rest.slice(1).flatMap(file => file === '-' ? fs.readFileSync(0, 'utf8').trim().split('\n') : [file])
      .map(file => errorsOf(validate, file));
} else if (verb === 'defaults') {
  answer = badDefaults(compile(rest[0]));
} else {
  answer = variants(rest[0], rest[1]);
}
console.log(JSON.stringify(answer));
