// bazel run //src/spec:reference_test.update: makes the tables of docs/cluster-yaml.md those of today.

#include "src/base/update_page.h"
#include "src/spec/reference.h"

int main() { return kplan::UpdatePage("docs/cluster-yaml.md", kplan::WithKeyTables); }
