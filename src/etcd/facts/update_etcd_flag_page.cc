// bazel run //src/etcd/facts:etcd_flags_test.update: makes the table of docs/etcd-flags.md that of today.

#include "src/base/update_page.h"
#include "src/etcd/facts/etcd_flag_page.h"

int main() { return kplan::UpdatePage("docs/etcd-flags.md", kplan::WithFlagTable); }
