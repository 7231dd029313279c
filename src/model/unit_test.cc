#include "src/model/unit.h"

#include "gtest/gtest.h"
#include "src/model/etcd_flags.h"

namespace kplan {
namespace {

TEST(ExecStart, PutsAFlagALine) {
  EXPECT_EQ(ExecStart({{"", "/usr/local/bin/etcd"},
                       {"--client-cert-auth", ""},
                       {"--name", ""},
                       {"etcd", ""},
                       {"--data-dir=", "/var/lib/etcd"}}),
            "/usr/local/bin/etcd \\\n  --client-cert-auth \\\n  --name etcd \\\n  --data-dir=/var/lib/etcd");
}

TEST(ExecStart, QuotesWhatSystemdWouldRead) {
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--name", ""}, {"a b", ""}}), "/e \\\n  --name \"a b\"");
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--x=100%$HOME", ""}}), "/e \\\n  --x=100%%$$HOME");
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--x=a\"b\\c'd;e", ""}}), "/e \\\n  \"--x=a\\\"b\\\\c'd;e\"");
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--name", ""}, {";", ""}}), "/e \\\n  --name \";\"");
  EXPECT_EQ(ExecStart({{"/e", ""}, {"--name=bücher", ""}}), "/e \\\n  --name=bücher");
}

TEST(MergeUnit, ReplacesWhatIsThereAndAddsTheRestByName) {
  Unit unit;
  unit.sections = {
      {"Unit", {{"Description", "etcd"}}}, {"Service", {{"Restart", "on-failure"}}}, {"Install", {}}};
  SourceFile source("c", std::string(100, ' '));
  Diagnostics diagnostics(&source);
  Range somewhere{1, 2};
  MergeUnit({{{"Service", somewhere},
              {{{"User", somewhere}, {"etcd", somewhere}},
               {{"Restart", somewhere}, {"always", somewhere}},
               {{"LimitNOFILE", somewhere}, {"65536", somewhere}}}}},
            &unit, &diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(
      unit.Text(),
      "[Unit]\nDescription=etcd\n\n[Service]\nRestart=always\nLimitNOFILE=65536\nUser=etcd\n\n[Install]\n");
}

TEST(EtcdFlags, AreInOrder) {
  // FindEtcdFlag searches by halves.
  std::vector<absl::string_view> names = EtcdFlagNames();
  for (absl::string_view name : names) EXPECT_NE(FindEtcdFlag(name), nullptr) << name;
  EXPECT_EQ(FindEtcdFlag("nmae"), nullptr);
  EXPECT_EQ(FindEtcdFlag(""), nullptr);
}

TEST(ParseUrl, TakesWhatEtcdTakes) {
  Url url;
  ASSERT_TRUE(ParseUrl("https://[::1]:2379", &url));
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 2379);
  ASSERT_TRUE(ParseUrl("http://localhost:2380", &url));
  for (const char* bad :
       {"", "127.0.0.1:2379", "https://127.0.0.1", "https://127.0.0.1:0", "https://127.0.0.1:65536",
        "https://127.0.0.1:2379/", "https://:2379", "https://::1:2379", "ftp://a:1", "https://a b:1",
        "https://a:1x", "https://[1.2.3.4]:1"}) {
    EXPECT_FALSE(ParseUrl(bad, &url)) << bad;
  }
}

TEST(ParseEtcdVersion, WantsThreeNumbers) {
  EtcdVersion version;
  ASSERT_TRUE(ParseEtcdVersion("3.4.15", &version));
  EXPECT_EQ(version.patch, 15);
  for (const char* bad :
       {"", "3", "3.4", "3.4.15.1", "v3.4.15", "3.4.x", "3.04.1", "3..1", "3.4.-1", "3.4.15 "}) {
    EXPECT_FALSE(ParseEtcdVersion(bad, &version)) << bad;
  }
}

}  // namespace
}  // namespace kplan
