#include "src/archive/proxy_environment.h"

#include <stdlib.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

class ProxyEnvironmentTest : public testing::Test {
 protected:
  void SetUp() override { Clear(); }
  void TearDown() override { Clear(); }
  static void Clear() {
    for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                             "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
      unsetenv(name);
    }
  }
};

TEST_F(ProxyEnvironmentTest, WhatCurlReadsForHttps) {
  EXPECT_THAT(ProxyEnvironment(), IsEmpty());
  for (const char* name : {"http_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "no_proxy"})
    setenv(name, name, 1);
  EXPECT_THAT(ProxyEnvironment(),
              ElementsAre(Pair("HTTPS_PROXY", "HTTPS_PROXY"), Pair("ALL_PROXY", "ALL_PROXY"),
                          Pair("no_proxy", "no_proxy"), Pair("NO_PROXY", "NO_PROXY")));
  setenv("https_proxy", "first", 1);
  setenv("HTTPS_PROXY", "", 1);
  EXPECT_THAT(ProxyEnvironment()[0], Pair("https_proxy", "first"));
  EXPECT_THAT(ProxyEnvironment()[1], Pair("ALL_PROXY", "ALL_PROXY"));
}

TEST_F(ProxyEnvironmentTest, WhatIsAProxy) {
  for (const char* value : {"proxy", "proxy:3128", "http://proxy:3128", "HTTP://proxy:3128/", "https://proxy",
                            "socks5h://10.0.0.1:1080", "socks4a://proxy", "ops:p4ss@proxy:3128",
                            "http://ops:p%40ss@[fd00::1]:3128", "[::1]:3128", "10.0.0.1"}) {
    EXPECT_TRUE(CheckProxy({{"https_proxy", value}}).ok()) << value << CheckProxy({{"https_proxy", value}});
    EXPECT_TRUE(CheckProxy({{"ALL_PROXY", value}}).ok()) << value;
  }
  EXPECT_TRUE(CheckProxy({}).ok());
  EXPECT_TRUE(CheckProxy({{"no_proxy", "*"}}).ok());
}

TEST_F(ProxyEnvironmentTest, WhatIsNoneIsNeverShown) {
  struct Case {
    const char *value, *why;
  };
  for (const Case& each : std::vector<Case>{{"http://ops:p4ss@", "names no host"},
                                            {"http://ops:p4/ss@proxy:3128", "is no port"},
                                            {"http://ops/p4ss@proxy:3128", "something stands behind"},
                                            {"http://ops:p4ss@proxy:port", "is no port"},
                                            {"http://ops:p4ss@proxy:0", "is no port"},
                                            {"http://ops:p4ss@proxy:65536", "is no port"},
                                            {"ftp://ops:p4ss@proxy", "its scheme is none of"},
                                            {"://ops:p4ss@proxy", "is no scheme"},
                                            {"http://ops:p4ss@proxy/p4ss", "something stands behind"},
                                            {"http://ops:p4ss @proxy", "blank"},
                                            {"http://ops:p4ss\x01@proxy", "control character"}}) {
    const absl::Status status = CheckProxy({{"HTTPS_PROXY", each.value}, {"ALL_PROXY", "proxy"}});
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << each.value << status;
    const std::string message(status.message());
    EXPECT_THAT(message, HasSubstr("the environment variable HTTPS_PROXY has no proxy: ")) << each.value;
    EXPECT_THAT(message, HasSubstr(each.why)) << each.value;
    EXPECT_THAT(message, Not(HasSubstr("p4"))) << each.value;
  }
  // curl reads no further than the first.
  EXPECT_TRUE(CheckProxy({{"https_proxy", "proxy"}, {"ALL_PROXY", "ftp://x"}}).ok());
}

TEST_F(ProxyEnvironmentTest, AProxyForHttpAloneIsSaidToBeOne) {
  EXPECT_EQ(ProxyHint({}), "");
  setenv("http_proxy", "proxy:3128", 1);
  EXPECT_EQ(ProxyHint({}), "http_proxy is not for https: set https_proxy as well");
  EXPECT_EQ(ProxyHint({{"no_proxy", "*"}}), "http_proxy is not for https: set https_proxy as well");
  EXPECT_EQ(ProxyHint({{"ALL_PROXY", "proxy:3128"}, {"no_proxy", "*"}}), "");
}

TEST_F(ProxyEnvironmentTest, LoginsAreTakenOut) {
  const StringPairs environment = {{"https_proxy", "http://ops:p4ss@proxy:3128"},
                                   {"ALL_PROXY", "other:w@rd@proxy"},
                                   {"HTTPS_PROXY", "proxy"},
                                   {"no_proxy", "a@b"}};
  EXPECT_EQ(WithoutProxyLogins("Unsupported proxy syntax in 'http://ops:p4ss@proxy:3128'", environment),
            "Unsupported proxy syntax in 'http://...@proxy:3128'");
  EXPECT_EQ(WithoutProxyLogins("other:w@rd, a@b, proxy", environment), "..., a@b, proxy");
  EXPECT_EQ(WithoutProxyLogins("x", {{"https_proxy", "@proxy"}}), "x");
}

}  // namespace
}  // namespace kplan
