#include <gmock/gmock.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "src/base/record.h"
#include "src/show/graph_dot.h"
#include "src/show/graph_html.h"
#include "src/show/graph_json.h"
#include "src/show/graph_layout.h"
#include "src/show/graph_mermaid.h"
#include "src/show/graph_page/graph_page.h"
#include "src/show/graph_testing.h"

namespace kplan {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kHostile[] = "</script><!--\"'\\&;#x<img src=x onerror=alert(1)>\xE2\x80\xA8\n]}%{{`";

TEST(GraphJson, IsOneLineAStep) {
  EXPECT_EQ(GraphText(WriteGraphJson, GraphSample().View()), R"({"version":1,"nodes":[
{"label":"ca/key","verb":"KEY","host":"shared","stage":0,"state":"fresh","reasons":[],"inputs":[],"after":[],"last-run":"2026-01-30T10:46:40Z"},
{"label":"ca/cert","verb":"SIGN","host":"shared","stage":2,"state":"fresh","reasons":[],"inputs":["ca/key"],"after":[]},
{"label":"cert/web","verb":"SIGN","host":"shared","stage":2,"state":"stale","reasons":["SAN differs: added dns b","its record changed"],"inputs":["ca/cert"],"after":[]},
{"label":"file/worker/etc/web.pem","verb":"INSTALL","host":"worker","stage":9,"state":"stale","reasons":["cert/web changes"],"inputs":["cert/web"],"after":[]},
{"label":"dir/worker/var/lib/web","verb":"DIR","host":"worker","stage":9,"state":"failed","reasons":["failed the last time: no space left"],"inputs":[],"after":[],"last-run":"2026-01-30T10:46:40Z"},
{"label":"service/worker/web","verb":"SERVICE","host":"worker","stage":10,"state":"waiting","reasons":["never ran","waits: behind dir/worker/var/lib/web"],"inputs":["file/worker/etc/web.pem"],"after":["dir/worker/var/lib/web"]},
{"label":"verify/web","verb":"VERIFY","host":"shared","stage":11,"state":"waiting","reasons":["never ran","waits: behind dir/worker/var/lib/web"],"inputs":["service/worker/web"],"after":[]}
]}
)");
}

TEST(GraphJson, HasTheDaysThatACertificateHasLeft) {
  GraphSample sample;
  GraphView view = sample.View();
  view.nodes[sample.leaf].days_left = -3;
  Json json = Json::parse(GraphText(WriteGraphJson, view));
  EXPECT_EQ(json["nodes"][sample.leaf]["days-left"], -3);
  EXPECT_FALSE(json["nodes"][sample.ca].contains("days-left"));
}

TEST(GraphJson, HoldsAnyText) {
  GraphSample sample;
  GraphView view = sample.View();
  view.nodes[sample.leaf].reasons = {kHostile};
  view.nodes[sample.leaf].label = kHostile;
  Json json = Json::parse(GraphText(WriteGraphJson, view));
  EXPECT_EQ(json["nodes"][sample.leaf]["reasons"][0], kHostile);
  EXPECT_EQ(json["nodes"][sample.file]["inputs"][0], kHostile);
}

TEST(GraphJson, OfNothingIsAnEmptyList) {
  EXPECT_EQ(GraphText(WriteGraphJson, GraphView()), "{\"version\":1,\"nodes\":[\n]}\n");
}

TEST(GraphDot, HasABoxAHostAndARankAStage) {
  EXPECT_EQ(GraphText(WriteGraphDot, GraphSample().View()), R"(digraph kplan {
graph [rankdir=LR newrank=true ranksep=0.6 nodesep=0.15 fontname="sans-serif" style=rounded color="#888888"];
node [shape=box style="filled,rounded" fontname="sans-serif" fontsize=10 height=0.3];
edge [arrowsize=0.6 color="#666666"];
subgraph cluster_0 {
label="shared";
n0 [label="ca/key" tooltip="fresh" fillcolor="#d9f0e8" color="#00785a"];
n1 [label="ca/cert" tooltip="fresh" fillcolor="#d9f0e8" color="#00785a"];
n2 [label="cert/web" tooltip="stale: SAN differs: added dns b\nits record changed" fillcolor="#fdebc3" color="#8a5a00" penwidth=2];
n6 [label="verify/web" tooltip="waiting: never ran\nwaits: behind dir/worker/var/lib/web" fillcolor="#d8ecf9" color="#005c91" style="filled,rounded,dashed"];
}
subgraph cluster_1 {
label="worker";
n3 [label="file/worker/etc/web.pem" tooltip="stale: cert/web changes" fillcolor="#fdebc3" color="#8a5a00" penwidth=2];
n4 [label="dir/worker/var/lib/web" tooltip="failed: failed the last time: no space left" fillcolor="#f9d5c4" color="#a83e00" penwidth=2 peripheries=2];
n5 [label="service/worker/web" tooltip="waiting: never ran\nwaits: behind dir/worker/var/lib/web" fillcolor="#d8ecf9" color="#005c91" style="filled,rounded,dashed"];
}
{rank=same; n3; n4;}
n0 -> n1;
n1 -> n2;
n2 -> n3;
n3 -> n5;
n4 -> n5 [style=dashed];
n5 -> n6;
}
)");
}

TEST(GraphDot, EscapesAnyText) {
  GraphSample sample;
  GraphView view = sample.View();
  view.nodes[sample.key].label = "a\"b\\N&amp;<i>\n";
  EXPECT_THAT(GraphText(WriteGraphDot, view),
              HasSubstr("n0 [label=\"a\\\"b\\\\N&amp;amp;<i>\\n\" tooltip=\"fresh\""));
}

TEST(GraphMermaid, HasASubgraphAHost) {
  EXPECT_EQ(GraphText(WriteGraphMermaid, GraphSample().View()), R"(flowchart LR
  subgraph h0["shared"]
    n0["ca/key"]:::fresh
    n1["ca/cert"]:::fresh
    n2["cert/web"]:::stale
    n6["verify/web"]:::waiting
  end
  subgraph h1["worker"]
    n3["file/worker/etc/web.pem"]:::stale
    n4["dir/worker/var/lib/web"]:::failed
    n5["service/worker/web"]:::waiting
  end
  n0 --> n1
  n1 --> n2
  n2 --> n3
  n3 --> n5
  n4 -.-> n5
  n5 --> n6
  classDef fresh fill:#d9f0e8,stroke:#00785a,color:#111
  classDef stale fill:#fdebc3,stroke:#8a5a00,stroke-width:2px,color:#111
  classDef failed fill:#f9d5c4,stroke:#a83e00,stroke-width:4px,color:#111
  classDef waiting fill:#d8ecf9,stroke:#005c91,stroke-dasharray:4 3,color:#111
  classDef unknown fill:#e6e0f0,stroke:#5b3f8c,stroke-dasharray:1 3,color:#111
)");
}

TEST(GraphMermaid, EscapesAnyText) {
  GraphSample sample;
  GraphView view = sample.View();
  view.nodes[sample.key].label = "a\"]-->b\n#35;`<b>%%{";
  EXPECT_THAT(GraphText(WriteGraphMermaid, view),
              HasSubstr("n0[\"a#34;#93;--#62;b#10;#35;35#59;#96;#60;b#62;#37;#37;#123;\"]:::fresh\n"));
}

// The JSON between the head and the tail of the page.
std::string DataOf(const std::string& page) {
  EXPECT_THAT(page, StartsWith(std::string(GraphPageHead())));
  EXPECT_THAT(page, EndsWith(std::string(GraphPageTail())));
  const size_t body = page.find(std::string(GraphPageBody()));
  EXPECT_NE(body, std::string::npos);
  const size_t begin = body + GraphPageBody().size();
  return page.substr(begin, page.size() - begin - GraphPageTail().size());
}

// What stands in the title element.
std::string TitleOf(const std::string& page) {
  const size_t begin = GraphPageHead().size();
  return page.substr(begin, page.find(std::string(GraphPageBody())) - begin);
}

TEST(GraphHtml, HoldsTheGraphAndItsPlaces) {
  GraphSample sample;
  GraphView view = sample.View();
  view.title = "prod";
  EXPECT_EQ(
      DataOf(GraphText(WriteGraphHtml, view)),
      R"({"version":2,"title":"prod","at":"2026-01-31 12:00 UTC","around":"","columns":[{"name":"key","x":44,"width":89},{"name":"certificate","x":165,"width":89},{"name":"on host","x":299,"width":115},{"name":"service","x":433,"width":89},{"name":"verdict","x":557,"width":95}],"hosts":["shared","worker"],"groups":[{"name":"","hosts":[0]},{"name":"web","hosts":[1]}],"steps":[
{"label":"ca/key","name":"ca/key","verb":"KEY","host":0,"column":0,"state":"fresh","reasons":[],"inputs":[],"after":[],"ran":"2026-01-30 10:46 UTC, missing","record":{"kind":"key"}},
{"label":"ca/cert","name":"ca/cert","verb":"SIGN","host":0,"column":1,"state":"fresh","reasons":[],"inputs":[0],"after":[],"record":{"kind":"ca-cert"}},
{"label":"cert/web","name":"cert/web","verb":"SIGN","host":0,"column":1,"state":"stale","reasons":["SAN differs: added dns b","its record changed"],"inputs":[1],"after":[],"record":{"hosts":["a","b"],"kind":"cert"}},
{"label":"file/worker/etc/web.pem","name":"/etc/web.pem","verb":"INSTALL","host":1,"column":2,"state":"stale","reasons":["cert/web changes"],"inputs":[2],"after":[],"record":{"kind":"install"}},
{"label":"dir/worker/var/lib/web","name":"/var/lib/web/","verb":"DIR","host":1,"column":2,"state":"failed","reasons":["failed the last time: no space left"],"inputs":[],"after":[],"ran":"2026-01-30 10:46 UTC, failed: no space left","record":{"kind":"dir"}},
{"label":"service/worker/web","name":"web","verb":"SERVICE","host":1,"column":3,"state":"waiting","reasons":["never ran","waits: behind dir/worker/var/lib/web"],"inputs":[3],"after":[4],"record":{"kind":"service"}},
{"label":"verify/web","name":"verify/web","verb":"VERIFY","host":0,"column":4,"state":"waiting","reasons":["never ran","waits: behind dir/worker/var/lib/web"],"inputs":[5],"after":[],"record":{"kind":"verify"}}
]}
)");
}

TEST(GraphHtml, IsCalledAsThePlan) {
  GraphSample sample;
  GraphView view = sample.View();
  EXPECT_EQ(TitleOf(GraphText(WriteGraphHtml, view)), "kplan graph");
  view.title = "prod & <test>";
  EXPECT_EQ(TitleOf(GraphText(WriteGraphHtml, view)), "prod &amp; &lt;test> - kplan graph");
  view.around = "ca/cert";
  EXPECT_EQ(TitleOf(GraphText(WriteGraphHtml, view)), "ca/cert - prod &amp; &lt;test> - kplan graph");
}

TEST(GraphHtml, TellsWhatServicesFeel) {
  GraphSample sample;
  GraphView view = sample.View();
  view.nodes[sample.service].effect = Effect::kReload;
  view.nodes[sample.verdict].effect = Effect::kRestart;
  view.nodes[sample.verdict].touches = {{"web on a", Effect::kStart}, {"web on b", Effect::kRestart}};
  const Json json = Json::parse(DataOf(GraphText(WriteGraphHtml, view)));
  EXPECT_EQ(json["steps"][sample.service]["effect"], "reload");
  EXPECT_FALSE(json["steps"][sample.service].contains("touches"));
  EXPECT_EQ(json["steps"][sample.verdict]["effect"], "restart");
  EXPECT_EQ(json["steps"][sample.verdict]["touches"].dump(),
            R"([["web on a","start"],["web on b","restart"]])");
  EXPECT_FALSE(json["steps"][sample.leaf].contains("effect"));
}

TEST(GraphHtml, LeavesOutRecordsThatWouldMakeItTooLarge) {
  GraphSample sample;
  GraphView view = sample.View();
  const std::string large = absl::StrCat("{\"x\":\"", std::string(size_t{10} << 20, 'x'), "\"}");
  view.nodes[sample.key].record = view.nodes[sample.leaf].record = large;
  const std::string data = DataOf(GraphText(WriteGraphHtml, view));
  EXPECT_LT(data.size(), size_t{17} << 20);
  const Json json = Json::parse(data);
  EXPECT_TRUE(json["steps"][sample.ca].contains("record"));
  EXPECT_FALSE(json["steps"][sample.leaf].contains("record"));
  EXPECT_FALSE(json["steps"][sample.file].contains("record"));
}

TEST(GraphLayout, GroupsHostsByTheirServices) {
  GraphView view;
  view.hosts = {"shared", "etcd-1", "node-1", "etcd-2", "files", "node-2"};
  view.roles = {"", "etcd", "kubelet, proxy", "etcd", "", "kubelet, proxy"};
  std::vector<std::pair<std::string, std::vector<uint32_t>>> groups;
  for (const GraphLayout::Group& group : MakeGraphLayout(view).groups)
    groups.emplace_back(group.name, group.hosts);
  EXPECT_THAT(groups, testing::ElementsAre(testing::Pair("", testing::ElementsAre(0)),
                                           testing::Pair("etcd", testing::ElementsAre(1, 3)),
                                           testing::Pair("kubelet, proxy", testing::ElementsAre(2, 5)),
                                           testing::Pair("no service", testing::ElementsAre(4))));
}

TEST(GraphHtml, NoTextEndsItsScript) {
  GraphSample sample;
  GraphView view = sample.View();
  std::string record = "{\"x\":";
  AppendJsonString(kHostile, &record);
  record += "}";
  view.around = view.title = view.hosts[0] = kHostile;
  GraphNode& node = view.nodes[sample.leaf];
  node.label = kHostile;
  node.reasons = {kHostile};
  node.record = record;
  node.last_run = 1;
  node.last_run_result = kHostile;
  std::string data = DataOf(GraphText(WriteGraphHtml, view));
  for (const char* text : {"<", ">", "&", "\xE2\x80\xA8"}) EXPECT_THAT(data, Not(HasSubstr(text)));
  // And it is the same text when it is read.
  Json json = Json::parse(data);
  EXPECT_EQ(json["around"], kHostile);
  EXPECT_EQ(json["hosts"][0], kHostile);
  const Json& step = json["steps"][sample.leaf];
  EXPECT_EQ(step["label"], kHostile);
  EXPECT_EQ(step["reasons"][0], kHostile);
  EXPECT_EQ(step["record"]["x"], kHostile);
  EXPECT_EQ(step["ran"], absl::StrCat("1970-01-01 00:00 UTC, ", kHostile));
}

TEST(GraphHtml, AllowsItsOwnScriptsAndNothingElse) {
  std::string head(GraphPageHead());
  EXPECT_THAT(head, HasSubstr("content=\"default-src 'none'; script-src 'sha256-"));
  EXPECT_THAT(head, HasSubstr("connect-src 'none'; base-uri 'none'; form-action 'none'\""));
  EXPECT_THAT(head, Not(HasSubstr("unsafe")));
  std::string page = absl::StrCat(head, GraphPageBody(), GraphPageTail());
  // Nothing is left of the placeholders, and nothing is loaded.
  EXPECT_THAT(page, Not(testing::ContainsRegex("@[A-Z_]+@")));
  EXPECT_THAT(page, Not(testing::ContainsRegex("<(link|img|iframe)|<script [^>]*src=|@import|url\\([^#]")));
}

TEST(ShortName, DropsWhatRowAndColumnSay) {
  EXPECT_EQ(ShortName("ca/key", StepKind::kKey, "shared"), "ca/key");
  EXPECT_EQ(ShortName("file/w/etc/ca.pem", StepKind::kFile, "w"), "/etc/ca.pem");
  EXPECT_EQ(ShortName("dir/w/var/lib/etcd", StepKind::kDir, "w"), "/var/lib/etcd/");
  EXPECT_EQ(ShortName("unit/w/etcd", StepKind::kUnit, "w"), "unit etcd");
  EXPECT_EQ(ShortName("service/w/etcd", StepKind::kService, "w"), "etcd");
  EXPECT_EQ(ShortName("cert/w-2/server", StepKind::kCert, "w"), "cert/w-2/server");
}

TEST(ShortName, KeepsTheEndOfWhatIsLong) {
  EXPECT_EQ(ShortName("render/w/etc/systemd/system/etcd.service", StepKind::kRender, "w"),
            "…/system/etcd.service");
  EXPECT_EQ(ShortName("file/w/etc/a-name-longer-than-any-box.pem", StepKind::kFile, "w"),
            "…nger-than-any-box.pem");
}

}  // namespace
}  // namespace kplan
