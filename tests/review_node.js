// What a reader of Markdown and HTML, and one of SARIF, make of `kplan plan --format`, with npm's packages.
//
//   review_node.js markdown FILE    JSON: {"elements": every element of the page, "texts": every text, "spans": every code span}
//   review_node.js sarif FILE...    JSON: for each FILE its errors by the public schema, [] when it is good
'use strict';
const fs = require('fs');
const path = require('path');

function markdown(file) {
  const MarkdownIt = require('markdown-it');
  const parse5 = require('parse5');
  // As GitHub takes it: with HTML, tables and links that are not marked as such.
  const renderer = new MarkdownIt({html: true, linkify: true});
  const page = parse5.parseFragment(renderer.render(fs.readFileSync(file, 'utf8')));
  const found = {elements: [], texts: [], spans: []};
  const walk = (node, code) => {
    if (node.tagName) found.elements.push(node.tagName + node.attrs.map(attr => ` ${attr.name}=${attr.value}`).join(''));
    if (node.nodeName === '#text' && node.value.trim() !== '') found[code ? 'spans' : 'texts'].push(node.value);
    for (const child of node.childNodes || []) walk(child, code || node.tagName === 'code');
  };
  walk(page, false);
  return found;
}

function sarif(files) {
  const Ajv = require('ajv-draft-04');
  const folder = path.dirname(require.resolve('@microsoft/jest-sarif/package.json'));
  const schema = JSON.parse(fs.readFileSync(path.join(folder, 'lib/schemas/sarif-2.1.0-rtm.5.json'), 'utf8'));
  // Formats need another package, and one of the patterns is none of Unicode's; the form is what counts here.
  const ajv = new Ajv({allErrors: true, strict: false, validateFormats: false, unicodeRegExp: false});
  const validate = ajv.compile(schema);
  return files.map(file => validate(JSON.parse(fs.readFileSync(file, 'utf8'))) ? [] :
                             validate.errors.map(error => `${error.instancePath}: ${error.message}`));
}

const [verb, ...files] = process.argv.slice(2);
console.log(JSON.stringify(verb === 'markdown' ? markdown(files[0]) : sarif(files)));
