#include "src/model/names.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

std::string San(absl::string_view host) {
  auto san = ClassifySan(host);
  return san.ok() ? san->first + " " + san->second : "refused";
}

TEST(ClassifySan, KnowsTheKinds) {
  EXPECT_EQ(San("worker"), "dns worker");
  EXPECT_EQ(San("kubernetes.default.svc.cluster"), "dns kubernetes.default.svc.cluster");
  EXPECT_EQ(San("Worker.Example.COM."), "dns worker.example.com");
  EXPECT_EQ(San("*.example.com"), "dns *.example.com");
  EXPECT_EQ(San("xn--bcher-kva.example"), "dns xn--bcher-kva.example");
  EXPECT_EQ(San("10.32.0.1"), "ip 10.32.0.1");
  EXPECT_EQ(San("::1"), "ip ::1");
  EXPECT_EQ(San("2001:DB8:0:0::1"), "ip 2001:db8::1");
  EXPECT_EQ(San("::ffff:10.0.0.1"), "ip 10.0.0.1") << "as Go compares it";
  EXPECT_EQ(San("ops@example.com"), "email ops@example.com");
  EXPECT_EQ(San("spiffe://prod/etcd"), "uri spiffe://prod/etcd");
}

TEST(ClassifySan, RefusesWhatCfsslLetsThrough) {
  for (const char* bad : {"",
                          "etcd-0:2379",
                          "10.0.0.0/24",
                          "01.2.3.4",
                          "1.2.3.4 ",
                          "1.2.3",
                          "1.2.3.4.5",
                          "256.1.1.1",
                          "[::1]",
                          "fe80::1%eth0",
                          "::12345",
                          "a b",
                          "a,DNS:evil",
                          "my_host",
                          "-a",
                          "a-",
                          "a..b",
                          ".a",
                          ".",
                          "*",
                          "*.com",
                          "a*.example.com",
                          "a.*.com",
                          "**.example.com",
                          "bücher.example",
                          "a@b@c",
                          "@example.com",
                          "a b@example.com",
                          "a@-b",
                          "spiffe://",
                          "://x",
                          "http:// x",
                          "a\nb",
                          "a\"b",
                          "$HOME",
                          "%"}) {
    EXPECT_EQ(San(bad), "refused") << bad;
  }
  EXPECT_EQ(San(std::string(63, 'a') + ".b"), "dns " + std::string(63, 'a') + ".b");
  EXPECT_EQ(San(std::string(64, 'a') + ".b"), "refused");
  std::string long_name;
  for (int i = 0; i < 5; ++i) long_name += std::string(49, 'a') + ".";
  EXPECT_EQ(San(long_name + "b").substr(0, 3), "dns");
  EXPECT_EQ(San(long_name + "bbbb"), "refused") << "254 characters";
}

TEST(SanCovers, ComparesAsAClientDoes) {
  EXPECT_TRUE(SanCovers({"dns", "worker"}, "worker"));
  EXPECT_FALSE(SanCovers({"dns", "worker"}, "worker.example.com"));
  EXPECT_TRUE(SanCovers({"dns", "*.example.com"}, "a.example.com"));
  EXPECT_FALSE(SanCovers({"dns", "*.example.com"}, "a.b.example.com"));
  EXPECT_FALSE(SanCovers({"dns", "*.example.com"}, "example.com"));
  EXPECT_TRUE(SanCovers({"ip", "::1"}, "0:0::1"));
  EXPECT_FALSE(SanCovers({"dns", "127.0.0.1"}, "127.0.0.2"));
  EXPECT_FALSE(SanCovers({"email", "worker"}, "worker"));
}

TEST(ParseExpiry, ReadsGoDurations) {
  EXPECT_EQ(*ParseExpiry("8760h"), 8760 * 3600);
  EXPECT_EQ(*ParseExpiry("1h30m"), 5400);
  EXPECT_EQ(*ParseExpiry("43800h0m0s"), int64_t{43800} * 3600);
  EXPECT_EQ(*ParseExpiry("1752000h"), int64_t{1752000} * 3600) << "200 years";
  for (const char* bad :
       {"", "90d", "1y", "8760", "h", "1.5h", "-1h", "100ms", "1752001h", "99999999999999999999h", "1h ",
        "9m59s", "0s", "9223372036854775807s9223372036854775807s"}) {
    EXPECT_FALSE(ParseExpiry(bad).ok()) << bad;
  }
  EXPECT_EQ(ParseExpiry("90d").status().message(),
            "a duration has no unit \"d\"; hours are the largest\nwrite 2160h");
}

TEST(CheckSubjectField, KnowsTheUpperBounds) {
  EXPECT_TRUE(CheckSubjectField("C", "US").ok());
  for (const char* bad : {"us", "USA", "U", "U1"}) EXPECT_FALSE(CheckSubjectField("C", bad).ok()) << bad;
  std::string umlauts;
  for (int i = 0; i < 64; ++i) umlauts += "ü";
  EXPECT_TRUE(CheckSubjectField("CN", umlauts).ok()) << "64 characters, 128 bytes";
  EXPECT_FALSE(CheckSubjectField("CN", umlauts + "x").ok());
  EXPECT_TRUE(CheckSubjectField("L", std::string(128, 'x')).ok());
  EXPECT_FALSE(CheckSubjectField("ST", std::string(129, 'x')).ok());
  EXPECT_FALSE(CheckSubjectField("O", " x").ok());
}

}  // namespace
}  // namespace kplan
